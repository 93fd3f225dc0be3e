"""The screens, one file each, and the words that they show."""
