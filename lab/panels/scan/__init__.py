"""Theano's scan on small examples: its graph, its steps, its usual mistakes."""
