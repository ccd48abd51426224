"""Journey 1: who are you? User name, password, session, and the password again."""
