"""Assertions: what we sign for portals, and the keys that we sign with."""
