"""Panel descriptions: the meaning, then each metric or view that the panel uses."""

from __future__ import annotations

import re
from collections.abc import Iterable

from grafana.source.metrics import HELP

_NAME = re.compile(r"\bonetrading_[a-z0-9_]+")
_VIEW = re.compile(r"\breporting\.[a-z_]+")
_SUFFIX = re.compile(r"_(bucket|sum|count)$")


def of_metrics(meaning: str, expressions: Iterable[str], caption: str) -> str:
    """``meaning``, the HELP of every metric in ``expressions``, and where they are read."""
    names = {
        name if name in HELP else _SUFFIX.sub("", name)
        for expression in expressions
        for name in _NAME.findall(expression)
    }
    lines = [f"- `{name}`: {HELP[name].rstrip('.')}." for name in sorted(names)]
    return "\n".join([meaning, "", *lines, "", caption])


def of_views(meaning: str, statements: Iterable[str]) -> str:
    """``meaning``, and the views of Postgres that are read."""
    views = sorted({view for statement in statements for view in _VIEW.findall(statement)})
    named = ", ".join(f"`{view}`" for view in views)
    return f"{meaning}\n\nFrom {named} in Postgres: exact, and described by \\d+ in psql."
