"""Training runs: their folders, events and processes."""
