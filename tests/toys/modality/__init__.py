"""A kind of model from outside: classifiers of 256 flags."""
