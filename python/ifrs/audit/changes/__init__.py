"""What users and attackers do to a model."""
