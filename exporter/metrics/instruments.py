"""Counters and histograms that are written as text when they change, not at each scrape.

The lines are, byte for byte, those of prometheus_client: labels by name, values as Go writes them,
series in the order in which they began. A family in which nothing happened since the last scrape
costs nothing; of any other only the lines of what happened are written anew.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from threading import Lock

from prometheus_client.utils import floatToGoString

from exporter.metrics.families import Family
from exporter.metrics.text import escape_label, family_header, series_name

Labels = tuple[str, ...]

# The library has no types for this function.
go_float: Callable[[float], str] = floatToGoString


class Instrument:
    """One family: the values of each combination of labels, and their lines. Thread-safe.

    ``lines``: name and further labels of each sample that a combination has.
    """

    def __init__(self, family: Family, lines: Sequence[tuple[str, Mapping[str, str]]]) -> None:
        self.header = family_header(family)
        self._names = family.labels
        self._pattern = "".join(
            _pattern(name, family.labels, more, place) for place, (name, more) in enumerate(lines)
        )
        self._zeros = (0.0,) * len(lines)
        self._lock = Lock()
        self._values: dict[Labels, tuple[float, ...]] = {}
        self._changed: dict[Labels, None] = {}
        """What the lines do not show yet, in the order in which it began."""
        self._writing = Lock()
        self._written: dict[Labels, bytes] = {}
        self._chunk = b""

    def begin(self, labels: Labels) -> None:
        """Let a combination exist, with zeros, so that `rate()` sees its first increment."""
        with self._lock:
            if labels not in self._values:
                self._values[labels] = self._zeros
                self._changed[labels] = None

    def add(self, labels: Labels, *amounts: float) -> None:
        """Add an amount to each sample of a combination."""
        with self._lock:
            known = self._values.get(labels, self._zeros)
            self._values[labels] = tuple(
                [value + amount for value, amount in zip(known, amounts, strict=True)]
            )
            self._changed[labels] = None

    def remove(self, label: str, values: Collection[str]) -> None:
        """Remove every combination that has one of these ``values`` of ``label``."""
        at = self._names.index(label)
        with self._lock:
            for labels in [labels for labels in self._values if labels[at] in values]:
                del self._values[labels]
                self._changed[labels] = None

    def chunk(self) -> bytes:
        """The sample lines, as of now."""
        with self._writing:
            with self._lock:
                # Written below, where nobody who counts has to wait for it.
                changed = {labels: self._values.get(labels) for labels in self._changed}
                self._changed.clear()
                order = tuple(self._values) if changed else ()
            if changed:
                for labels, values in changed.items():
                    if values is None:
                        self._written.pop(labels, None)
                    else:
                        self._written[labels] = self._lines(labels, values)
                self._chunk = b"".join([self._written[labels] for labels in order])
            return self._chunk

    def _lines(self, labels: Labels, values: tuple[float, ...]) -> bytes:
        filled = {name: escape_label(text) for name, text in zip(self._names, labels, strict=True)}
        filled |= {str(place): go_float(value) for place, value in enumerate(values)}
        return (self._pattern % filled).encode("utf-8", "replace")


def _pattern(name: str, labels: Sequence[str], more: Mapping[str, str], place: int) -> str:
    """A line with `%(label)s` for the value of each label, and `%(place)s` for that of the sample.

    The names of labels begin with a letter, so none is a place.
    """
    values = {**{label: f"%({label})s" for label in labels}, **more}
    ordered = sorted(values)
    series = series_name(name, ordered, [values[label] for label in ordered])
    return f"{series} %({place})s\n"


class Counter:
    """A sum for each combination of labels; a gauge that is never taken back, too."""

    def __init__(self, family: Family) -> None:
        self.instrument = Instrument(family, [(family.name, {})])

    def add(self, labels: Labels, amount: float) -> None:
        """Count ``amount``, which may be 0: the series exists from then on."""
        if amount:
            self.instrument.add(labels, float(amount))
        else:
            self.instrument.begin(labels)


class Histogram:
    """How many observations of each combination of labels lay within each bound, and their sum."""

    def __init__(self, family: Family, bounds: Sequence[float]) -> None:
        self._bounds = (*bounds, math.inf)
        buckets = [(f"{family.name}_bucket", {"le": go_float(bound)}) for bound in self._bounds]
        more = [(f"{family.name}_count", dict[str, str]()), (f"{family.name}_sum", {})]
        self.instrument = Instrument(family, [*buckets, *more])

    def observe(self, labels: Labels, value: float) -> None:
        """Count an observation: a bucket has all that lie within its bound."""
        within = [float(value <= bound) for bound in self._bounds]
        self.instrument.add(labels, *within, 1.0, value)
