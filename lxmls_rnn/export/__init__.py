"""Trained models in formats of other programs: a page of HTML that tags sentences, and safetensors, also back."""
