"""Hand-offs: how a user comes from a portal, and the code with which they return."""
