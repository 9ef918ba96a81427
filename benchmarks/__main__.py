"""Run the named benchmarks, or all of them."""

from __future__ import annotations

import argparse
import importlib
import logging
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.measure import Finding, machine

_MARK = "<!-- what follows is written by `python -m benchmarks --markdown` -->\n"
SUBJECTS = (
    *("ingest", "again", "growth", "records", "reports", "lots", "budget", "scrape", "memory"),
    *("history", "start", "accounts", "rest", "far"),
)
OPTIONAL = ("dlt_merge",)
"""Only when named: it installs what it compares with."""
KNOWN = (*SUBJECTS, *OPTIONAL)


def main() -> None:
    """Print each result as soon as it is measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT", help=", ".join(KNOWN))
    parser.add_argument(
        "--full",
        action="store_true",
        help="memory, history: a million trades; lots, reports: ten million; growth: a year",
    )
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="also update its tables")
    arguments = parser.parse_args()
    if unknown := set(arguments.subjects) - set(KNOWN):
        parser.error(f"unknown benchmark: {', '.join(sorted(unknown))}; valid: {', '.join(KNOWN)}")
    logging.getLogger("exporter").setLevel(logging.ERROR)
    print(machine())
    tables = [f"Measured {datetime.now(UTC):%F} on {machine()}.\n"]
    for name in arguments.subjects or SUBJECTS:
        print(f"\n{name}")
        findings: list[Finding] = []

        def say(finding: Finding, findings: list[Finding] = findings) -> None:
            findings.append(finding)
            print(_line(finding), flush=True)

        began = time.monotonic()
        module = importlib.import_module(f"benchmarks.{name}")
        run = module.run_full if arguments.full and hasattr(module, "run_full") else module.run
        run(say)
        print(f"  ({time.monotonic() - began:.0f} s)")
        tables.append(_table(name, findings))
    if arguments.markdown:
        before, mark, _ = arguments.markdown.read_text().partition(_MARK)
        arguments.markdown.write_text(f"{before}{mark or _MARK}\n" + "\n".join(tables))


def _line(finding: Finding) -> str:
    target = f"target {finding.target}" if finding.target else ""
    return f"  {finding.what:<78} {finding.value:>18}  {finding.spread:<24} {target}".rstrip()


def _table(name: str, findings: list[Finding]) -> str:
    rows = [f"| {' | '.join(finding)} |" for finding in findings]
    return "\n".join(
        [f"## {name}", "", "| what | median | spread | target |", "|---|---|---|---|", *rows, ""]
    )


if __name__ == "__main__":  # not in the processes that it starts
    main()
