"""Users of tenants: who they are, their passwords, and every password attempt counted."""
