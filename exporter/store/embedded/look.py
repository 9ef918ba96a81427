"""What can be said of an embedded Postgres without starting or changing anything."""

import os
from pathlib import Path

from exporter.model.errors import EmbeddedPostgresError
from exporter.store.embedded import binaries, cluster, os_user
from exporter.store.embedded.address import Address, accepts_connections, forget_libpq_variables
from exporter.store.embedded.startup import DataDirectory


def exists(data_dir: Path) -> bool:
    """Whether this data directory has a cluster."""
    return (DataDirectory(data_dir).cluster / "PG_VERSION").exists()


def running_url(data_dir: Path) -> str | None:
    """The URL of the server of this data directory; None when none accepts connections.

    Raises EmbeddedPostgresError when its address cannot be read.
    """
    forget_libpq_variables()
    try:
        address = Address.read(DataDirectory(data_dir).address)
    except OSError as error:
        raise EmbeddedPostgresError(
            f"the address of the embedded Postgres cannot be read: {error}: run this as the user"
            " that runs the exporter, or choose another ONETRADING_DATA_DIR"
        ) from error
    if address is None or not address.port or not accepts_connections(address):
        return None
    return address.url()


def examine(data_dir: Path) -> str:
    """Describe a server that does not run. Raises EmbeddedPostgresError when it could not start."""
    where = DataDirectory(data_dir.resolve())
    found = binaries.find_binaries()
    there = cluster.check_version(where.cluster, found)
    identity = os_user.choose(where.cluster)
    present = next(path for path in [where.path, *where.path.parents] if path.exists())
    if not os.access(present, os.W_OK | os.X_OK):
        raise EmbeddedPostgresError(
            f"this user may not write to {present}: allow it, or choose another ONETRADING_DATA_DIR"
        )
    closed = os_user.obstacle(identity, [*reversed(present.parents), present])
    if closed is not None and not os_user.may_be_opened(closed, where.path):
        raise os_user.out_of_reach(where.path, identity, closed)
    if there:
        return f"embedded Postgres {found.major} in {where.path}, not running: `run` starts it"
    return f"embedded Postgres {found.major}: none yet, `run` creates it in {where.path}"
