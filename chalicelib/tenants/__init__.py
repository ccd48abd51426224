"""Tenants: the portals that share one deployment, each with its profile."""
