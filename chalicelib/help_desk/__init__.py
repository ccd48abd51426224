"""Journey 6: the phone is lost. See, unlock, reset, and the code that opens the next enrolment."""
