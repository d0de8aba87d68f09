"""Many suspects against several sets: shared-out keys, records that are gone on with, one table."""
