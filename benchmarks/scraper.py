"""A Prometheus that scrapes in a hurry, in a process of its own: prints seconds, one a line.

`python -m benchmarks.scraper HOST PORT COUNT PAUSE_S`
"""

from __future__ import annotations

import http.client
import sys
import time

HEADERS = {
    "Accept": "application/openmetrics-text;version=1.0.0;q=0.75,text/plain;version=0.0.4;q=0.5",
    "Accept-Encoding": "gzip",
}


def main(host: str, port: str, count: str, pause_s: str) -> None:
    """One connection that stays open, as Prometheus keeps it."""
    connection = http.client.HTTPConnection(host, int(port), timeout=60)
    for _ in range(int(count)):
        began = time.perf_counter()
        connection.request("GET", "/metrics", headers=HEADERS)
        answer = connection.getresponse()
        body = answer.read()
        seconds = time.perf_counter() - began
        if answer.status != http.HTTPStatus.OK or not body:
            raise SystemExit(f"{answer.status}: {body[:200]!r}")
        print(seconds)
        time.sleep(float(pause_s))


if __name__ == "__main__":
    main(*sys.argv[1:])
