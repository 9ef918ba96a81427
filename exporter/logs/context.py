"""What the work under way is about, for whoever writes a log line about it.

``account`` and ``stream`` are those of a pass; ``run`` is the walk's row in
``onetrading_sync.runs``, or where there is none the pass (`p17`); ``scope`` is the instrument of a
walk that has one; ``request`` is one attempt to ask the exchange. docs/logging.md describes them.

Each is set in one place, with `bind`, and holds for everything that is done inside it. A thread
begins without any: work handed to another one is wrapped in `copied`. An error remembers what it
was about when it arose, since it is often logged further out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from types import MappingProxyType
from typing import TypeVar

T = TypeVar("T")

FIELDS = ("account", "stream", "scope", "run", "request")
_NOTHING: Mapping[str, str] = MappingProxyType({})
_current: ContextVar[Mapping[str, str]] = ContextVar("about", default=_NOTHING)
_MARK = "_exporter_about"


def current() -> Mapping[str, str]:
    """What is known of the work under way, of FIELDS; empty outside of any."""
    return _current.get()


@contextmanager
def bind(**known: str) -> Iterator[None]:
    """Work that is about this, too; what is empty changes nothing."""
    more = {name: value for name, value in known.items() if value}
    token = _current.set(MappingProxyType({**_current.get(), **more}))
    try:
        yield
    except Exception as error:
        attach(error)
        raise
    finally:
        _current.reset(token)


@contextmanager
def clear() -> Iterator[None]:
    """Something found out on the way that is about none of the work under way."""
    token = _current.set(_NOTHING)
    try:
        yield
    finally:
        _current.reset(token)


def copied(work: Callable[[], T]) -> Callable[[], T]:
    """``work``, to be done once in another thread as part of what is under way here."""
    context = copy_context()
    return lambda: context.run(work)


def attach(error: BaseException) -> None:
    """Let ``error`` remember what it is about, unless it does; the innermost knows most."""
    vars(error).setdefault(_MARK, _current.get())


def context_of(error: BaseException | None) -> Mapping[str, str]:
    """What ``error`` was about when it arose."""
    return _NOTHING if error is None else vars(error).get(_MARK, _NOTHING)
