"""Keeping secrets secret: seal and open them under a key that never leaves KMS."""
