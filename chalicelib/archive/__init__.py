"""Proof that no event was changed or removed: manifests of the stream, and hourly signed digests."""
