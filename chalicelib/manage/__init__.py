"""Journey 5: what one has, seen and changed: authenticators and remembered browsers."""
