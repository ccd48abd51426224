"""What happened, to whom and by whom: append-only events, written with the change they tell of."""
