"""Why Postgres lets nobody in: what no waiting changes, told from a server that is away.

psycopg gives an error before a session begins no SQLSTATE, so its text has to do. In another
language of the server (``lc_messages``) it is not recognised: then Postgres counts as away, which
says the same with less advice.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import psycopg
from psycopg import errors as pg

from exporter.model.errors import DatabaseError, LoginRefused

_URL = "DATABASE_URL"
_REMEDIES = tuple(
    (re.compile(pattern), remedy)
    for pattern, remedy in (
        (
            r"authentication failed|no password supplied|empty password|wrong password",
            f"correct the user and the password in {_URL}",
        ),
        (
            r'role ".*" does not exist|no such user',
            f"create the role, or correct the user in {_URL}",
        ),
        (r'role ".*" is not permitted to log in', "let it: ALTER ROLE ... LOGIN"),
        (
            r'database ".*" does not exist|no such database',
            f"create the database, or correct its name in {_URL}",
        ),
        (r"permission denied for database", "let this role: GRANT CONNECT ON DATABASE ... TO ..."),
        (r"no pg_hba\.conf entry|pg_hba\.conf rejects", "allow it in the server's pg_hba.conf"),
        (r"does not support SSL", f"turn SSL on in the server, or correct sslmode in {_URL}"),
        (
            r"certificate verify failed|root certificate file|server certificate for",
            f"correct sslrootcert or the host in {_URL}",
        ),
    )
)
_UNREADABLE = re.compile(r"invalid \S+ value:|invalid connection option|invalid port number")


def unreadable_url(error: Exception) -> bool:
    """Whether libpq cannot even try: something in the URL has no meaning."""
    if isinstance(error, psycopg.OperationalError):
        return _UNREADABLE.search(str(error)) is not None
    return isinstance(error, psycopg.ProgrammingError) and error.sqlstate is None


def remedy_of(error: Exception) -> str | None:
    """What to do so that Postgres lets us in; None where it is away, and may come back."""
    if isinstance(error, pg.InsufficientPrivilege):
        return "use the role that owns the database, as the service does, or grant it these rights"
    if unreadable_url(error):
        return f"correct {_URL}"
    if not isinstance(error, psycopg.OperationalError) or error.sqlstate is not None:
        return None
    text = str(error)
    return next((remedy for pattern, remedy in _REMEDIES if pattern.search(text)), None)


class Away(NamedTuple):
    """Why Postgres cannot be used."""

    why: str
    """Never contains a password."""
    remedy: str | None = None
    """What to correct where it is there, and lets nobody in."""
    url_unreadable: bool = False

    def error(self) -> DatabaseError:
        """To be raised, and to be logged."""
        if self.remedy is not None:
            return LoginRefused(f"Postgres refused: {self.why}; {self.remedy}")
        return DatabaseError(f"Postgres is away: {self.why}")
