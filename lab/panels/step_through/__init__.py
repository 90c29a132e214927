"""Both passes of a network, step by step."""
