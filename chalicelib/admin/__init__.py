"""What operators do to users and staff: one function, whose actor is the IAM identity."""
