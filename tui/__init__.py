"""All that a person touches: screens, widgets, and the command line."""
