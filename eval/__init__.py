"""Evaluation: specs, retrievers, metrics and misses."""
