"""What the work in progress is about: the fields that every log line about it carries.

``account`` and ``stream`` are those of a pass; ``run`` is the walk's row in
``onetrading_sync.runs``, or, where there is none, the pass (`p17`); ``scope`` is the instrument of
a walk that has one; ``request`` is one attempt of a request to the exchange. docs/logging.md
describes them.

Each is bound in one place, with `bind`, and holds for everything that is done inside it. A thread
starts without any: work handed to another thread is wrapped in `copied`. An error keeps the context
in which it was raised, since it is often logged further out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from types import MappingProxyType
from typing import TypeVar

T = TypeVar("T")

FIELDS = ("account", "stream", "scope", "run", "request")
_EMPTY: Mapping[str, str] = MappingProxyType({})
_current: ContextVar[Mapping[str, str]] = ContextVar("log_context", default=_EMPTY)
_ATTRIBUTE = "_exporter_log_context"


def current() -> Mapping[str, str]:
    """The context of the work in progress, some of FIELDS; empty outside of any."""
    return _current.get()


@contextmanager
def bind(**fields: str) -> Iterator[None]:
    """Add fields to the context of the block; an empty value changes nothing.

    An exception that leaves the block keeps the context (`attach`).
    """
    added = {name: value for name, value in fields.items() if value}
    token = _current.set(MappingProxyType({**_current.get(), **added}))
    try:
        yield
    except Exception as error:
        attach(error)
        raise
    finally:
        _current.reset(token)


@contextmanager
def clear() -> Iterator[None]:
    """Log without context: for what is noticed on the way but is not about the work in progress."""
    token = _current.set(_EMPTY)
    try:
        yield
    finally:
        _current.reset(token)


def copied(work: Callable[[], T]) -> Callable[[], T]:
    """``work``, to be run once in another thread with the context of this one."""
    context = copy_context()
    return lambda: context.run(work)


def attach(error: BaseException) -> None:
    """Keep the context in ``error``, unless it has one: the innermost is the most detailed."""
    vars(error).setdefault(_ATTRIBUTE, _current.get())


def context_of(error: BaseException | None) -> Mapping[str, str]:
    """The context in which ``error`` was raised; empty when it has none."""
    return _EMPTY if error is None else vars(error).get(_ATTRIBUTE, _EMPTY)
