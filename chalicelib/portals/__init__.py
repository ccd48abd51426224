"""Journey 7: portals ask for themselves. Status, codes, hand-off, the way back, assertions."""
