"""Policies of reinforcement learning: they see observations and take actions."""
