"""The one loop of all methods, and what it is made of."""
