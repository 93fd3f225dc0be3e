"""Scored files: their lines read one by one with every rule, or by the million in the database."""
