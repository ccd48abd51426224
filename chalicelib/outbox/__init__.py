"""What follows from changes already made: events of attempts, told by the stream of the table ``state``."""
