"""What a judge's score means: calibrated grades learned from few labels and many judgments."""
