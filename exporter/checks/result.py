"""What a check finds."""

from __future__ import annotations

from typing import NamedTuple


class CheckResult(NamedTuple):
    """The subject of a check, whether it passed, and what was found, with the remedy.

    ``warning``: it works, but deserves attention. ``misconfigured``: `run` would not start with it.
    """

    subject: str
    ok: bool
    finding: str
    warning: bool = False
    misconfigured: bool = False


def counted(count: int, thing: str) -> str:
    """A number of things."""
    return f"{count} {thing}{'' if count == 1 else 's'}"
