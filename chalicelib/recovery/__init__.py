"""Journey 3: codes for the day the phone is lost. Make, acknowledge, spend."""
