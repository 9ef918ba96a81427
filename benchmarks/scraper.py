"""Scrapes like Prometheus, but faster, in its own process: prints seconds, one per line.

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
    """Scrape over one persistent connection, as Prometheus does."""
    connection = http.client.HTTPConnection(host, int(port), timeout=60)
    for _ in range(int(count)):
        began = time.perf_counter()
        connection.request("GET", "/metrics", headers=HEADERS)
        response = connection.getresponse()
        body = response.read()
        seconds = time.perf_counter() - began
        if response.status != http.HTTPStatus.OK or not body:
            raise SystemExit(f"{response.status}: {body[:200]!r}")
        print(seconds)
        time.sleep(float(pause_s))


if __name__ == "__main__":
    main(*sys.argv[1:])
