"""Query-document pairs: imported, mined from the corpus, or written by a model."""
