"""PromQL over the exporter's metrics: filtered by what the reader chose, each process's copy once.

The labels of a metric come from its declaration, so that no query forgets one.
"""

from __future__ import annotations

from exporter.metrics import catalogue
from exporter.model.stream import PUBLIC_ACCOUNT
from exporter.streams import STREAMS

ACCOUNT = 'account=~"$account"'
OWN_AND_PUBLIC = f'account=~"$account|{PUBLIC_ACCOUNT}"'
INSTRUMENT = 'instrument=~"$instrument"'

_ENTRIES = {entry.name: entry for entry in catalogue(STREAMS)}
HELP = {name: entry.help for name, entry in _ENTRIES.items()}


def latest(name: str, *more: str, public: bool = False) -> str:
    """The value of every series of a gauge. ``more``: further matchers, `currency="EUR"`.

    ``public``: also what is read without a token.
    """
    return f"max by ({_labels(name)}) ({_selected(name, more, public)})"


def lowest(name: str, *more: str, public: bool = False) -> str:
    """The same for gauges of which the lower value is better."""
    return f"min by ({_labels(name)}) ({_selected(name, more, public)})"


def grew(name: str, *more: str, over: str = "$__rate_interval", public: bool = False) -> str:
    """How much each series of a counter grew over a time, wherever its account was meanwhile.

    Each process shows a part when an account moves, and the parts add up; one that is scraped twice
    counts once. What was booked between the last scrape of one and the first of the other is in
    neither.
    """
    labels = _labels(name)
    each = f"max by ({labels}, instance) (increase({_selected(name, more, public)}[{over}]))"
    return f"sum by ({labels}) ({each})"


def quantile(share: float, name: str, by: str, *, public: bool = False) -> str:
    """A quantile of a histogram, for each ``by``, over the interval of the panel."""
    buckets = f"{name}_bucket{_matched(name, (), public)}"
    return f"histogram_quantile({share}, sum by ({by}, le) (rate({buckets}[$__rate_interval])))"


def in_quote(expression: str, *labels: str) -> str:
    """Sums of money of instruments, never across currencies: by ``labels`` and quote currency.

    The instruments' currencies are remembered for a day, should their list not be readable now.
    """
    info = "max by (instrument, quote) (last_over_time(onetrading_instrument_info[1d]))"
    by = ", ".join((*labels, "quote"))
    return f"sum by ({by}) ({expression} * on (instrument) group_left (quote) {info})"


def _labels(name: str) -> str:
    return ", ".join(_ENTRIES[name].labels)


def _selected(name: str, more: tuple[str, ...], public: bool) -> str:
    return f"{name}{_matched(name, more, public)}"


def _matched(name: str, more: tuple[str, ...], public: bool) -> str:
    chosen = {"account": OWN_AND_PUBLIC if public else ACCOUNT, "instrument": INSTRUMENT}
    found = [chosen[label] for label in _ENTRIES[name].labels if label in chosen]
    return f"{{{', '.join([*found, *more])}}}" if found or more else ""
