"""Encoders: keys are secret sentences or images, responses unit vectors of a codebook."""
