"""A store that several people share: PostgreSQL, attached by DuckDB's own extension."""
