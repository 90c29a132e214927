"""Scan panel: Theano's scan on small examples, with its graphs and typical mistakes."""
