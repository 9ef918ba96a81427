"""Merge pages of trades with dlt. A program of an environment that has dlt, and nothing of ours.

Started with a folder, which holds the pages, and the URL of a database; a line `fresh ROWS TIMES`
or `again ROWS TIMES` on its standard input loads so many rows, so many times, each time by a run
of the pipeline, and is answered with the seconds that it took. `fresh` begins with no table.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_DATASET = "dlt_trades"


def main() -> None:
    """Answer until the input ends."""
    folder, url = Path(sys.argv[1]), sys.argv[2]
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    os.environ["DLT_DATA_DIR"] = str(folder / "data")
    bodies = [path.read_bytes() for path in sorted(folder.glob("*.json"))]
    dlt = importlib.import_module("dlt")
    destination = dlt.destinations.postgres(url)
    number, pipeline = 0, None
    for line in sys.stdin:
        kind, rows, times = line.split()
        if kind == "fresh" or pipeline is None:
            number += 1
            pipeline = dlt.pipeline(
                f"trades_{number}",
                pipelines_dir=str(folder / "pipelines"),
                destination=destination,
                dataset_name=f"{_DATASET}_{number}",
            )
        pages = int(rows) // 100
        began = time.perf_counter()
        for start in range(0, int(times) * pages, pages):
            run = pipeline.run(
                _records(bodies[start : start + pages]),
                table_name="trades",
                write_disposition="merge",
                primary_key="trade_id",
            )
            run.raise_on_failed_jobs()
        print(time.perf_counter() - began, flush=True)


def _records(bodies: list[bytes]) -> Iterator[dict[str, Any]]:
    """A flat record for each trade; dlt finds out the types of its columns."""
    for body in bodies:
        for item in json.loads(body)["trade_history"]:
            yield {**item["trade"], **item["fee"]}


if __name__ == "__main__":
    main()
