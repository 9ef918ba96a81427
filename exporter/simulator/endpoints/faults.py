"""The faults that can be injected: one frozen set, read from text or JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_DENIALS = ("", "400", "401", "403", "404", "{}", "[]")


@dataclass(frozen=True, slots=True)
class Faults:
    """The active faults. A `_rate` is a fraction from 0 to 1; everything is off by default.

    Per request, drawn each time: `error_rate` 500, 502 or 503; `drop_rate` the connection closes
    without a response; `truncate_rate` it closes in the middle of the body; `drip_rate` headers and
    body come at a byte a second; `bomb_rate` a small gzip that unpacks to 64 MiB; `garbage_rate`
    200 with HTML; `cursor_expiry_rate` a valid cursor is rejected; `duplicate_rate` a page starts
    with rows of the previous page; `empty_pages` (a fraction) a page after the first is empty but
    has a cursor; `latency_ms` plus up to `jitter_ms` before the response; `budget` requests in any
    60 s for each token, then 429, with `retry_after` seconds in Retry-After unless that is 0.

    Per row, the same rows each time: `late_rate` served only `late_seconds` after their instant;
    `hidden_rate` not served at all; `changed_rate` trades with another price; `bad_record_rate`
    records that cannot be decoded; `odd_record_rate` records with a value that Postgres cannot
    hold; `unknown_enums` (a fraction) records with an undocumented value.

    Always: `unknown_fields` adds members to every object; `shuffle_equal_instants` shuffles the
    rows of one instant within a page; `page_size_cap` serves at most that many rows; `depth_days`:
    a `from` that is older is a 400, as is a window longer than `window_days`; `cursor_inclusive`: a
    page of orders starts at its cursor's instant, not strictly before it; `orders_unversioned`:
    orders have neither sequence nor update time; `forbid` paths respond 403 Permission denied;
    `refuse_tokens` accounts get 403 Forbidden; `fail_paths` maps a path to its status.
    `refuse_instruments` maps an instrument to the status of its funding history and its candles;
    `unlist` leaves instruments out of the list of all. `no_futures` is what the futures endpoints
    respond to an account without futures: a status (403 when not set), `{}` or `[]`.
    `clock_offset` seconds (negative: behind) are added to the time that a response states, in its
    `Date` and in the body of `/time`, for `clock_paths` (none: all) and the first `clock_responses`
    of them (0: all). Paths are below the base URL, such as `/account/trades`. `account` limits all
    of this to the requests of one account, for which `no_futures` then holds in any case.
    """

    error_rate: float = 0.0
    budget: int = 0
    retry_after: int = 0
    latency_ms: float = 0.0
    jitter_ms: float = 0.0
    truncate_rate: float = 0.0
    drop_rate: float = 0.0
    drip_rate: float = 0.0
    bomb_rate: float = 0.0
    garbage_rate: float = 0.0
    cursor_expiry_rate: float = 0.0
    late_rate: float = 0.0
    late_seconds: float = 0.0
    hidden_rate: float = 0.0
    duplicate_rate: float = 0.0
    changed_rate: float = 0.0
    unknown_fields: bool = False
    unknown_enums: float = 0.0
    bad_record_rate: float = 0.0
    odd_record_rate: float = 0.0
    shuffle_equal_instants: bool = False
    forbid: tuple[str, ...] = ()
    refuse_tokens: tuple[str, ...] = ()
    fail_paths: Mapping[str, int] = field(default_factory=dict)
    refuse_instruments: Mapping[str, int] = field(default_factory=dict)
    unlist: tuple[str, ...] = ()
    no_futures: str = ""
    clock_offset: float = 0.0
    clock_paths: tuple[str, ...] = ()
    clock_responses: int = 0
    page_size_cap: int = 0
    depth_days: float = 0.0
    window_days: float = 0.0
    cursor_inclusive: bool = False
    orders_unversioned: bool = False
    empty_pages: float = 0.0
    account: str = ""

    def __post_init__(self) -> None:
        for name in KEYS:
            value = getattr(self, name)
            fraction = name.endswith("_rate") or name in {"unknown_enums", "empty_pages"}
            if fraction and not 0 <= value <= 1:
                raise ValueError(f"{name} must be from 0 to 1, not {value}")
            signed = name == "clock_offset"
            if isinstance(value, (int, float)) and value < 0 and not signed:
                raise ValueError(f"{name} cannot be negative: {value}")
        if self.no_futures not in _DENIALS:
            raise ValueError(f"no_futures must be one of {', '.join(filter(None, _DENIALS))}")

    @classmethod
    def parse(cls, text: str) -> Faults:
        """Read `error_rate=0.05,forbid=/account/orders|/fees,fail_paths=/time:503`.

        List items are separated by `|`. Raises ValueError for an unknown key, naming the valid
        ones, and for a value that cannot be read.
        """
        values: dict[str, Any] = {}
        for item in filter(None, (part.strip() for part in text.split(","))):
            key, _, value = item.partition("=")
            values[key.strip()] = value.strip()
        return cls.of(values)

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Faults:
        """Build from a mapping whose values have the right type or are text.

        Raises ValueError for an unknown key or a value that cannot be read.
        """
        unknown = sorted(set(values) - set(KEYS))
        if unknown:
            raise ValueError(f"unknown fault {', '.join(unknown)}; valid: {', '.join(KEYS)}")
        return cls(**{key: _read(key, value) for key, value in values.items()})

    def without(self, *names: str) -> Faults:
        """Return a copy with these faults off."""
        return dataclasses.replace(self, **{name: getattr(NO_FAULTS, name) for name in names})

    def for_account(self, name: str | None) -> Faults:
        """Return the faults for a request of this account; None is a public request."""
        return self if not self.account or self.account == name else NO_FAULTS


KEYS = tuple(item.name for item in dataclasses.fields(Faults))
NO_FAULTS = Faults()


def _read(key: str, value: Any) -> Any:
    default = getattr(NO_FAULTS, key)
    try:
        if isinstance(default, bool):
            return _flag(value)
        if isinstance(default, (int, float, str)):
            return type(default)(value)
        if isinstance(default, tuple):
            return tuple(filter(None, value.split("|") if isinstance(value, str) else value))
        return _statuses(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"fault {key}: cannot read {value!r}") from error


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).lower()
    if text not in {"1", "0", "true", "false", "yes", "no", "on", "off"}:
        raise ValueError(text)
    return text in {"1", "true", "yes", "on"}


def _statuses(value: Any) -> dict[str, int]:
    if isinstance(value, str):
        value = dict(item.rsplit(":", 1) for item in value.split("|") if item)
    return {str(path): int(status) for path, status in dict(value).items()}
