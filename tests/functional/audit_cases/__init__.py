"""What may be asked and how it ends, one part of the journey in each module; see `test_audit_matrix`."""
