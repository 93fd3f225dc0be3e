"""Text that a screen and the command line both show."""
