"""What planting trains on."""
