"""Compare gradients, right and broken ones, with finite differences."""
