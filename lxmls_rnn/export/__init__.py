"""Trained models in formats of other programs: HTML that tags sentences, safetensors, PyTorch."""
