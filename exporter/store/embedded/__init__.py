"""The embedded Postgres, for users without a server: its cluster, its server, its supervisor."""

from exporter.store.embedded.server import EmbeddedPostgres, exists

__all__ = ["EmbeddedPostgres", "exists"]
