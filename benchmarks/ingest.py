"""New rows: from the bytes of JSON pages to committed rows, against a raw COPY of the same rows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from benchmarks.loading import ONE_BY_ONE, Loading, loading
from benchmarks.measure import Say, in_turns, plain, ratio
from benchmarks.pages import trades
from benchmarks.postgres import server
from exporter.sync.backfill import WORKERS

_ROWS = 20_000
_UPSERT_SHARE = 4


def run(say: Say) -> None:
    """Batches of 10,000, of 1,000, and page by page."""
    with server() as url, loading(url, trades(_ROWS)) as load:
        cases: dict[str, Callable[[], float]] = {}
        for size in (10_000, 1_000, 100):
            cases[f"ours {size}"] = partial(_fresh, load, partial(load.ours, size))
            cases[f"read {size}"] = partial(_fresh, load, partial(load.ours_without_reading, size))
            one_by_one = partial(load.ours, size, stream=ONE_BY_ONE)
            cases[f"one by one {size}"] = partial(_fresh, load, one_by_one)
            cases[f"workers {size}"] = partial(_fresh, load, partial(load.ours, size, WORKERS))
            cases[f"copy {size}"] = partial(_fresh, load, partial(load.copied, size))
            cases[f"text {size}"] = partial(_fresh, load, partial(load.copied_as_text, size))
        cases["counting 1000"] = partial(_fresh, load, partial(load.ours, 1_000), counting=True)
        cases["upsert 1000"] = partial(_fresh, load, partial(load.upserted, 1_000, _UPSERT_SHARE))
        rates = in_turns(cases)
    for size, target in ((10_000, ">= 0.85"), (1_000, ">= 0.80"), (100, ">= 0.80")):
        ours = rates[f"ours {size}"]
        batch = f"batches of {size:,} rows" if size > 100 else "page by page (100 rows)"
        say(plain(f"{batch}: rows loaded", ours, "rows/s"))
        say(plain(f"{batch}: raw COPY of ready tuples", rates[f"copy {size}"], "rows/s"))
        workers, copy, text = (rates[f"{case} {size}"] for case in ("workers", "copy", "text"))
        say(ratio(f"{batch}: against raw COPY of ready tuples", ours, copy, target))
        say(ratio(f"{batch}: the same, each record by itself", rates[f"one by one {size}"], copy))
        say(ratio(f"{batch}: the same without reading JSON", rates[f"read {size}"], copy))
        say(ratio(f"{batch}: the same with {WORKERS} workers, as in a backfill", workers, copy))
        say(ratio(f"{batch}: against raw COPY of formatted text", ours, text))
    counting, size = rates["counting 1000"], 1_000
    what = "batches of 1,000 rows that also count: against raw COPY of ready tuples"
    say(ratio(what, counting, rates[f"copy {size}"]))
    what = "batches of 1,000 rows: against a plain upsert with executemany"
    say(ratio(what, rates[f"ours {size}"], rates["upsert 1000"]))


def _fresh(load: Loading, case: Callable[[], float], *, counting: bool = False) -> float:
    load.empty(counting=counting)
    return case()
