"""Everything that knows Postgres: one subject a module, and the only place that imports psycopg."""
