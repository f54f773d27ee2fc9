"""models: architectures and tokenizers; weights are found and verified."""
