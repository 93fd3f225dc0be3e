"""The Misses screen."""
