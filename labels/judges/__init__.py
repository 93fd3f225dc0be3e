"""Judges: prompts, clients, replies, and the loop that scores pairs."""
