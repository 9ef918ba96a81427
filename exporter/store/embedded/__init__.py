"""A Postgres of our own for users who have none: its cluster, its server, its supervisor."""

from exporter.store.embedded.server import EmbeddedPostgres, exists

__all__ = ["EmbeddedPostgres", "exists"]
