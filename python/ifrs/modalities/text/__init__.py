"""Language models: keys are prompts, responses are words."""
