"""Sessions: opaque ids, kept as hashes, replaced whenever more has been proven."""
