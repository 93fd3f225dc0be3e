"""Training an encoder on labels: the dataset, the step, the run."""
