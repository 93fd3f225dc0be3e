"""Specs: what a search should find, and later how well it does."""
