"""What a model's files hold: its configuration, weights and tokenizer."""
