"""Judges: what they are asked, what they may answer, and the loop that asks them."""
