"""The embedded Postgres, for users without a server: its cluster, its server, its supervisor."""

from exporter.store.embedded.address import FORGOTTEN
from exporter.store.embedded.look import examine, exists, running_url
from exporter.store.embedded.os_user import is_ours
from exporter.store.embedded.server import EmbeddedPostgres

__all__ = ["FORGOTTEN", "EmbeddedPostgres", "examine", "exists", "is_ours", "running_url"]
