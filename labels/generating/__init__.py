"""Queries that a model writes for documents, checked before anything is made of them."""
