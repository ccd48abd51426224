"""Journey 2: bind an authenticator. Begin, offer, confirm, or cancel."""
