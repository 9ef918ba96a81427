"""How old the numbers of a panel are, shown on the panel itself.

The exporter holds the last good values for a while and then withdraws them, so a number alone does
not show whether it is current. Each panel names the source of its numbers, which adds a dashed grey
line to time series, a second value to stats, a column to tables, and shaded times to all of them.
An age is that of the process that succeeded last. `stale` means held by the exporter, or older.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from grafana_foundation_sdk.models import dashboard

from exporter.model.stream import PUBLIC_ACCOUNT, Stream
from exporter.streams import STREAMS
from grafana.source.metrics import ACCOUNT, OWN_AND_PUBLIC
from grafana.source.queries import PROMETHEUS, one_line

_BY_NAME = {stream.name: stream for stream in STREAMS}
AGE, STALE = "age", "stale"
DATA_AGE = "data age"
AGE_REF = "AGE"


class Source(Protocol):
    """Where the numbers of a panel come from, and so how old they are."""

    @property
    def caption(self) -> str:
        """One sentence for the description of the panel."""

    @property
    def calm_s(self) -> float:
        """An age that is far too high: what is normal stays at the bottom of a graph."""

    def oldest(self) -> str:
        """PromQL: one series without labels, the seconds since the oldest part was read."""

    def judged(self) -> str:
        """PromQL: the same with label `state`, `age` or `stale`."""

    def updated(self, rows: str, *, by_account: bool) -> str:
        """PromQL: when each row of ``rows`` was read, in Unix milliseconds, with its labels."""


class Streams:
    """What the exporter reads from the exchange: one or more of its streams, by name."""

    def __init__(self, *names: str) -> None:
        self._streams: Sequence[Stream] = [_BY_NAME[name] for name in names]
        accounts = {stream.public for stream in self._streams}
        account = {
            frozenset({True}): f'account="{PUBLIC_ACCOUNT}"',
            frozenset({False}): ACCOUNT,
        }.get(frozenset(accounts), OWN_AND_PUBLIC)
        names_matched = f'stream=~"{"|".join(names)}"' if names[1:] else f'stream="{names[0]}"'
        self.matcher = f"{account}, {names_matched}"

    @property
    def caption(self) -> str:
        """Which streams, where they are read and how often by default."""
        read = [
            f"`{stream.name}` (GET {stream.path}, every {stream.interval.total_seconds():.0f} s)"
            for stream in self._streams
        ]
        return f"Read by {', '.join(read)}."

    @property
    def calm_s(self) -> float:
        """Ten intervals of the slowest stream."""
        return 10 * max(stream.interval.total_seconds() for stream in self._streams)

    def _per_stream(self, metric: str) -> str:
        return f"max by (account, stream) (onetrading_sync_{metric}{{{self.matcher}}})"

    def _age(self) -> str:
        return f"(time() - ({self._per_stream('last_success_timestamp_seconds')} > 0))"

    def oldest(self) -> str:
        """One number for all that the panel shows."""
        return one_line(f"max({self._age()})")

    def judged(self) -> str:
        """Late by more than two intervals, or failing: stale. Else just an age."""
        failing = f"({self._per_stream('success')} == 0)"
        late = f"({self._age()} > 2 * {self._per_stream('interval_seconds')})"
        stale = f"({late} or {self._age()} and {failing})"
        return one_line(
            f'label_replace(max({self._age()} unless {stale}), "state", "{AGE}", "", "")'
            f' or label_replace(max({stale}), "state", "{STALE}", "", "")'
        )

    def updated(self, rows: str, *, by_account: bool) -> str:
        """The oldest of the streams, of the account of the row."""
        last = f"({self._per_stream('last_success_timestamp_seconds')} > 0)"
        if by_account:
            per_account = f"min by (account) ({last})"
            return one_line(f"1000 * (0 * {rows} + on (account) group_left () {per_account})")
        return one_line(f"1000 * (0 * {rows} + on () group_left () min({last}))")


class Exporter:
    """What the exporter reports about itself: as old as its heartbeat."""

    caption = "Reported by the exporter about itself; its age is that of the scheduler's heartbeat."
    calm_s = 300.0
    _BEAT = "max(onetrading_scheduler_heartbeat_timestamp_seconds)"
    _LATE_S = 60

    def oldest(self) -> str:
        """Of the process that is alive."""
        return f"time() - {self._BEAT}"

    def judged(self) -> str:
        """Stale when the scheduler is stuck or nothing is scraped."""
        return one_line(
            f'label_replace({self.oldest()} <= {self._LATE_S}, "state", "{AGE}", "", "")'
            f' or label_replace({self.oldest()} > {self._LATE_S}, "state", "{STALE}", "", "")'
        )

    def updated(self, rows: str, *, by_account: bool) -> str:
        """The same for every row, whether or not it is of an account."""
        del by_account
        return one_line(f"1000 * (0 * {rows} + on () group_left () {self._BEAT})")


EXPORTER = Exporter()


def looks_like_age(calm_s: float) -> list[dashboard.DynamicConfigValue]:
    """The dashed grey line, on an axis of its own that reaches to ``calm_s`` at least."""
    of = dashboard.DynamicConfigValue
    return [
        of("unit", "s"),
        of("decimals", 0),
        of("color", {"mode": "fixed", "fixedColor": "#8e8e8e"}),
        of("custom.drawStyle", "line"),
        of("custom.lineStyle", {"fill": "dash", "dash": [4, 6]}),
        of("custom.lineWidth", 1),
        of("custom.fillOpacity", 0),
        of("custom.stacking", {"mode": "none", "group": "age"}),
        of("custom.scaleDistribution", {"type": "linear"}),
        of("custom.thresholdsStyle", {"mode": "off"}),
        of("custom.axisPlacement", "right"),
        of("custom.axisLabel", DATA_AGE),
        of("custom.axisGridShow", False),
        of("custom.axisSoftMin", 0),
        of("custom.axisSoftMax", calm_s),
        of("min", 0),
        of("max", None),
    ]


def looks_like_state(color: str) -> list[dashboard.DynamicConfigValue]:
    """The second value of a stat."""
    of = dashboard.DynamicConfigValue
    return [
        of("unit", "s"),
        of("decimals", 0),
        of("mappings", []),
        of("color", {"mode": "fixed", "fixedColor": color}),
    ]


class Shading(dashboard.AnnotationQuery):
    """An annotation of Prometheus: the SDK has no place for its query and its text."""

    def __init__(self, name: str, expression: str, text: str, color: str) -> None:
        super().__init__(name=name, datasource=PROMETHEUS, icon_color=color)
        self.expression = one_line(expression)
        self.text = text

    def to_json(self) -> dict[str, object]:
        """As Grafana keeps it."""
        target = {"expr": self.expression, "range": True, "refId": "Anno"}
        return super().to_json() | {"target": target, "textFormat": self.text}


def shading(streams: Sequence[str]) -> Shading:
    """Shades the times at which one of the streams failed or its values were held.

    Not those that the exchange refuses: an account without futures would be shaded for ever.
    """
    matcher = f'{OWN_AND_PUBLIC}, stream=~"{"|".join(streams)}"'
    return Shading(
        "Held or failing",
        f"""
        (
            max by (account, stream) (onetrading_sync_held{{{matcher}}}) > 0
            or 1 - max by (account, stream) (onetrading_sync_success{{{matcher}}}) > 0
        )
        unless on (account, stream)
        min by (account, stream) (onetrading_sync_permitted{{{matcher}}}) == 0
        """,
        "{{stream}} of {{account}}: the last pass failed, or the values shown are held",
        "orange",
    )


ABSENT = Shading(
    "No exporter",
    """
    absent(onetrading_exporter_build_info)
    and on () count(present_over_time(onetrading_exporter_build_info[7d])) > 0
    """,
    "Nothing was scraped from any exporter",
    "red",
)
"""Shades times without data, up to a week, but not those before the first start."""
