"""What runs on torch and knows nothing of tokens."""
