"""Journey 3: prove possession of the authenticator at every later sign-in."""
