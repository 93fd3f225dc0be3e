"""Calibrated grades, learned from few labels and many judgments."""
