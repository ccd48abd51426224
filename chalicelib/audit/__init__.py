"""What happened, to whom and by whom: append-only events."""
