"""Classifiers of images: keys are secret images, responses classes of the model's own list."""
