"""The audit: what to show next, and what a person decides."""
