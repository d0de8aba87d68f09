"""Models that see and write: keys are pairs of an image and a text."""
