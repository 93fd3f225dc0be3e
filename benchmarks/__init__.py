"""What rejudge must reach, measured against a reference in the same run."""
