"""Retrievers that can be evaluated; ``building`` has the registry."""
