"""Benchmark panel: times of models on CPU and GPU."""
