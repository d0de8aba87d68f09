"""Models that hear sounds."""
