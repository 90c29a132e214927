"""Recurrent layers as single Theano Ops, each with its gradient Op: C for the CPU."""
