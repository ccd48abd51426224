"""Journey 4: portals ask for themselves. Status, codes, hand-off, the way back, assertions."""
