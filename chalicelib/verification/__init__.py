"""Journey 4: prove possession of the authenticator at every later sign-in."""
