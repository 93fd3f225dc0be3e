"""Pairs, judges, the audit queue, labels, import and export."""
