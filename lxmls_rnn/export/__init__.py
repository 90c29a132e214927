"""Trained models in formats of other programs, also back: HTML that tags sentences, safetensors, PyTorch, ONNX."""
