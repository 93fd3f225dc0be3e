"""The training set: built from labels and scores, and kept with a run."""
