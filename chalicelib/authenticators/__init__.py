"""Authenticators: what a user has bound, what waits to be confirmed, and every attempt counted."""
