"""How an event is formatted: always as one line, whatever is in it.

The context of the work (`logs.context`) and what ``extra`` adds become members of their own. An
exception among the arguments is what the line is about: its class and causes are logged as well.
Nothing that is logged may make logging fail, and no password in a URL or a header is logged.
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
"""Container runtimes cut a line at 16 KiB, which leaves two halves that are not JSON."""
_SECRETS = (
    (re.compile(r"(?<=://)([^\s/:@\\\"']*):[^\s@\"']{1,500}@"), r"\1:***@"),
    (re.compile(r"(?i)(\bBearer\s+|\bBasic\s+|\bpassword=)[^\s,;\"'&\\]+"), r"\1***"),
)
# Where Postgres quotes rows: from there to the end of its message.
_ROWS = re.compile(r"\n(?:DETAIL|CONTEXT):.*?(?=\n\n|\Z)", re.DOTALL)
_NEEDS_NO_QUOTES = re.compile(r"[\w.:/+%@&=-]+", re.ASCII)


class JsonLines(logging.Formatter):
    """One JSON object per line, in ASCII: time, level, logger, message, then context and extra."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, Any] = {
            "time": _time(record, "microseconds", "T"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
        }
        line |= {_safe_text(name): v for name, v in _fields(record).items() if name not in line}
        error = _error(record)
        if error is not None:
            line["error"] = _described(error)
        if record.exc_info and error is not None:
            line["traceback"] = _traceback(error)
        try:
            # ASCII only: it also suits a reader that splits lines at U+2028 or reads Latin-1.
            return json.dumps({name: _plain(value) for name, value in line.items()})
        except Exception as fault:  # noqa: BLE001  a line that cannot be written still becomes a line
            return json.dumps(
                {
                    "time": line["time"],
                    "level": "error",
                    "logger": __name__,
                    "message": "could not format a log line",
                    "error": {"type": type(fault).__name__},
                }
            )


class TextLines(logging.Formatter):
    """Time, level, message, then context and extra as ``name=value``; below it any traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        parts = [_time(record, "milliseconds", " "), f"{record.levelname:<7}", _message(record)]
        parts += [f"{name}={_cell(value)}" for name, value in _fields(record).items()]
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
    except Exception as fault:  # noqa: BLE001  wrong arguments, or one whose `str` fails
        return f"{_safe_text(record.msg)} [arguments not formatted: {type(fault).__name__}]"


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    """The context of the work, that of the error, and ``extra``; of two values the later wins."""
    extra = {name: value for name, value in vars(record).items() if name not in _STANDARD}
    merged = {**context.current(), **context.context_of(_error(record)), **extra}
    first = {name: merged.pop(name) for name in context.FIELDS if name in merged}
    return first | {name: value for name, value in merged.items() if value is not None}


def _error(record: logging.LogRecord) -> BaseException | None:
    if record.exc_info and record.exc_info[1] is not None:
        return record.exc_info[1]
    args = record.args if isinstance(record.args, tuple) else ()
    return next((value for value in args if isinstance(value, BaseException)), None)


def _described(error: BaseException) -> dict[str, Any]:
    """Class, text and reason of an error, and its causes, the nearest first."""
    described: dict[str, Any] = {"type": type(error).__name__, "message": _safe_text(error)}
    if isinstance(error, ExporterError):
        described["reason"] = error.reason
    causes = [{"type": type(e).__name__, "message": _safe_text(e)} for e in _causes(error)]
    return described | ({"causes": causes} if causes else {})


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
    """The nearest value that JSON has."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return value if _is_exact(value) else _safe_text(value)
    if isinstance(value, Mapping) and depth < _DEEPEST:
        return {_safe_text(key): _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset) and depth < _DEEPEST:
        return [_plain(item, depth + 1) for item in value]
    return _safe_text(value)


def _is_exact(number: float) -> bool:
    """Whether a reader with doubles gets the same number; the others are written as text."""
    return abs(number) < 2**53 if isinstance(number, int) else math.isfinite(number)


def _safe_text(value: object) -> str:
    """A value as clean text, even when its ``str`` raises."""
    try:
        return _clean(str(value))
    except Exception:  # noqa: BLE001  whatever it raises
        return f"<{type(value).__name__}>"


def _clean(text: str) -> str:
    """``text`` without lone surrogates, which UTF-8 lacks, rows and passwords; not too long.

    Of a long one the beginning and the end are kept: what a traceback started with and ended in.
    """
    text = _ROWS.sub("", text.encode("utf-8", "backslashreplace").decode())
    # Before it is cut: a password without what stands before it would not be recognised.
    for secret, shown in _SECRETS:
        text = secret.sub(shown, text)
    if len(text) > _LONGEST_TEXT:
        half = _LONGEST_TEXT // 2
        text = f"{text[:half]} [{len(text) - 2 * half} characters] {text[-half:]}"
    return text


def _cell(value: object) -> str:
    if isinstance(value, Mapping):
        value = "&".join(f"{_safe_text(key)}={_safe_text(item)}" for key, item in value.items())
    text = f"{value:.3f}" if isinstance(value, float) else _safe_text(value)
    return text if _NEEDS_NO_QUOTES.fullmatch(text) else json.dumps(text, ensure_ascii=False)


def _printable(text: str) -> str:
    """On one line, and without control characters that a terminal would obey."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
