"""models: architectures, tokenizers, and where weights are found and verified."""
