"""How an event is written: always as one line, whatever is in it.

What the work is about (`logs.context`) and what ``extra`` adds become members of their own. An
exception among the arguments is what the line is about: its class and causes are told, too.
Nothing that is logged may make logging fail, and no password leaves in a URL or a header.
"""

from __future__ import annotations

import json
import logging
import math
import re
import traceback
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from exporter.logs import context
from exporter.model.errors import ExporterError

# What every record has, beside what `extra` brings.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_DEEPEST = 4
_LONGEST_CHAIN = 8
_LONGEST_TEXT = 6_000
"""Container runtimes cut a line at 16 KiB, which leaves two halves that are no JSON."""
_SECRETS = (
    (re.compile(r"(?<=://)([^\s/:@\\\"']*):[^\s@\"']{1,500}@"), r"\1:***@"),
    (re.compile(r"(?i)(\bBearer\s+|\bBasic\s+|\bpassword=)[^\s,;\"'&\\]+"), r"\1***"),
)
# What Postgres quotes of rows, to the end of its message.
_ROWS = re.compile(r"\n(?:DETAIL|CONTEXT):.*?(?=\n\n|\Z)", re.DOTALL)
_BARE = re.compile(r"[\w.:/+%@&=-]+", re.ASCII)


class JsonLines(logging.Formatter):
    """One JSON object a line, in ASCII: time, level, logger, message, then what is known."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, Any] = {
            "time": _time(record, "microseconds", "T"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
        }
        line |= {_shown(name): v for name, v in _known(record).items() if name not in line}
        error = _error(record)
        if error is not None:
            line["error"] = _described(error)
        if record.exc_info and error is not None:
            line["traceback"] = _traceback(error)
        try:
            # ASCII alone: a reader that splits lines at U+2028 or reads Latin-1 is served as well.
            return json.dumps({name: _plain(value) for name, value in line.items()})
        except Exception as fault:  # noqa: BLE001  a line that cannot be written is still a line
            told = {"level": "error", "logger": __name__, "message": "a line could not be written"}
            return json.dumps(
                {"time": line["time"]} | told | {"error": {"type": type(fault).__name__}}
            )


class TextLines(logging.Formatter):
    """Time, level, message, then what is known as ``name=value``; below it a traceback, if any."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        parts = [_time(record, "milliseconds", " "), f"{record.levelname:<7}", _message(record)]
        parts += [f"{name}={_cell(value)}" for name, value in _known(record).items()]
        line = _printable(" ".join(parts))
        error = _error(record)
        if record.exc_info and error is not None:
            below = _traceback(error).rstrip().split("\n")
            line = "\n".join([line, *(_printable(text) for text in below)])
        return line


def _time(record: logging.LogRecord, precision: str, separator: str) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return at.isoformat(separator, precision).replace("+00:00", "Z")


def _message(record: logging.LogRecord) -> str:
    try:
        return _clean(record.getMessage().strip())
    except Exception as fault:  # noqa: BLE001  wrong arguments, or one that cannot be shown
        return f"{_shown(record.msg)} [arguments cannot be shown: {type(fault).__name__}]"


def _known(record: logging.LogRecord) -> dict[str, Any]:
    """What the work is about, what the error was about, what the call said: the latter wins."""
    extra = {name: value for name, value in vars(record).items() if name not in _STANDARD}
    found = {**context.current(), **context.context_of(_error(record)), **extra}
    first = {name: found.pop(name) for name in context.FIELDS if name in found}
    return first | {name: value for name, value in found.items() if value is not None}


def _error(record: logging.LogRecord) -> BaseException | None:
    if record.exc_info and record.exc_info[1] is not None:
        return record.exc_info[1]
    given = record.args if isinstance(record.args, tuple) else ()
    return next((value for value in given if isinstance(value, BaseException)), None)


def _described(error: BaseException) -> dict[str, Any]:
    """Class, text and reason of an error, and what it came from, the nearest first."""
    told: dict[str, Any] = {"type": type(error).__name__, "message": _shown(error)}
    if isinstance(error, ExporterError):
        told["reason"] = error.reason
    causes = [{"type": type(e).__name__, "message": _shown(e)} for e in _causes(error)]
    return told | ({"causes": causes} if causes else {})


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen, inner = {id(error)}, _cause(error)
    while inner is not None and id(inner) not in seen and len(seen) <= _LONGEST_CHAIN:
        yield inner
        seen.add(id(inner))
        inner = _cause(inner)


def _cause(error: BaseException) -> BaseException | None:
    if error.__cause__ is not None or error.__suppress_context__:
        return error.__cause__
    return error.__context__


def _traceback(error: BaseException) -> str:
    try:
        return _clean("".join(traceback.format_exception(error)))
    except Exception as fault:  # noqa: BLE001  the `str` of an exception can fail as well
        return f"no traceback: {type(fault).__name__}"


def _plain(value: object, depth: int = 0) -> Any:
    """The nearest that JSON has."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return value if _writable(value) else _shown(value)
    if isinstance(value, Mapping) and depth < _DEEPEST:
        return {_shown(key): _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset) and depth < _DEEPEST:
        return [_plain(item, depth + 1) for item in value]
    return _shown(value)


def _writable(number: float) -> bool:
    """Readers have doubles: what they would round or cannot read is told as text."""
    return abs(number) < 2**53 if isinstance(number, int) else math.isfinite(number)


def _shown(value: object) -> str:
    """A value as clean text, whatever its ``str`` does."""
    try:
        return _clean(str(value))
    except Exception:  # noqa: BLE001  that is the point
        return f"<{type(value).__name__}>"


def _clean(text: str) -> str:
    """``text`` without halves of characters, which are no UTF-8, rows and passwords; not too long.

    Beginning and end of a long one say most: what a traceback began with, and what it came to.
    """
    text = _ROWS.sub("", text.encode("utf-8", "backslashreplace").decode())
    # Before it is cut: a password that has lost what it begins with is not known for one.
    for secret, shown in _SECRETS:
        text = secret.sub(shown, text)
    if len(text) > _LONGEST_TEXT:
        half = _LONGEST_TEXT // 2
        text = f"{text[:half]} [{len(text) - 2 * half} characters] {text[-half:]}"
    return text


def _cell(value: object) -> str:
    if isinstance(value, Mapping):
        value = "&".join(f"{_shown(key)}={_shown(item)}" for key, item in value.items())
    text = f"{value:.3f}" if isinstance(value, float) else _shown(value)
    return text if _BARE.fullmatch(text) else json.dumps(text, ensure_ascii=False)


def _printable(text: str) -> str:
    """On one line, and without what a terminal would obey."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
