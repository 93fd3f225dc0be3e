"""The command line: one small file for each command, found by name, imported when asked for."""
