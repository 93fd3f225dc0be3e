"""The store: one DuckDB file, or a PostgreSQL database that a team shares."""
