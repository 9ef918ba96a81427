"""Run the benchmarks that are named, or all of them."""

from __future__ import annotations

import argparse
import importlib
import logging
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.measure import Finding, machine

_MARK = "<!-- what follows is written by `python -m benchmarks --markdown` -->\n"
SUBJECTS = ("ingest", "again", "budget", "scrape", "memory", "start")


def main() -> None:
    """Print each finding as soon as there is one."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT", help=", ".join(SUBJECTS))
    parser.add_argument("--full", action="store_true", help="memory: a million trades")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="also renew its tables")
    given = parser.parse_args()
    if unknown := set(given.subjects) - set(SUBJECTS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(SUBJECTS)}")
    logging.getLogger("exporter").setLevel(logging.ERROR)
    print(machine())
    tables = [f"Measured {datetime.now(UTC):%F} on {machine()}.\n"]
    for name in given.subjects or SUBJECTS:
        print(f"\n{name}")
        findings: list[Finding] = []

        def say(finding: Finding, found: list[Finding] = findings) -> None:
            found.append(finding)
            print(_line(finding), flush=True)

        began = time.monotonic()
        module = importlib.import_module(f"benchmarks.{name}")
        run = module.run_full if given.full and hasattr(module, "run_full") else module.run
        run(say)
        print(f"  ({time.monotonic() - began:.0f} s)")
        tables.append(_table(name, findings))
    if given.markdown:
        before, mark, _ = given.markdown.read_text().partition(_MARK)
        given.markdown.write_text(f"{before}{mark or _MARK}\n" + "\n".join(tables))


def _line(finding: Finding) -> str:
    aim = f"aim {finding.aim}" if finding.aim else ""
    return f"  {finding.what:<78} {finding.value:>18}  {finding.spread:<24} {aim}".rstrip()


def _table(name: str, findings: list[Finding]) -> str:
    rows = [f"| {' | '.join(finding)} |" for finding in findings]
    return "\n".join(
        [f"## {name}", "", "| what | median | spread | aim |", "|---|---|---|---|", *rows, ""]
    )


main()
