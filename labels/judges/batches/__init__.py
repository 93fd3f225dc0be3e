"""Judging by a server's Batch API: pairs are sent by the thousand and fetched when done."""
