"""headstart: what do pretrained weights buy? Paired experiments on transformers."""

__version__ = "0.1.0"
