"""Many suspects against several sets: shared-out keys, records that are resumed, one table."""
