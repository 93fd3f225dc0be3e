"""Shared by all other packages: workspace, store, corpus, encoder, records, statistics, search."""
