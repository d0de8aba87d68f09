"""What planting and proving share about models and tokenizers."""
