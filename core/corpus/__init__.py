"""The corpus: a folder of code, walked, split into documents and kept in the store."""
