"""Modules that Theano's edited files call: parallel and interruptible compilation, a checked cache, GPU contexts.

They are part of the wheel that ``packages/theano`` builds. Importing this package does not import Theano.
"""
