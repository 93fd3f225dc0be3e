"""Agreement of judges with people, and of people with each other."""
