"""Everything that knows Postgres, and the only package that imports psycopg."""
