"""Run the benchmarks that are named, or all of them."""

from __future__ import annotations

import argparse
import importlib
import time

from benchmarks.measure import Finding, machine

SUBJECTS = ("ingest", "again", "budget", "scrape", "memory", "start")


def main() -> None:
    """Print each finding as soon as there is one."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("subjects", nargs="*", choices=[[], *SUBJECTS], metavar="SUBJECT")
    print(machine())
    for name in parser.parse_args().subjects or SUBJECTS:
        began = time.monotonic()
        print(f"\n{name}")
        importlib.import_module(f"benchmarks.{name}").run(_say)
        print(f"  ({time.monotonic() - began:.0f} s)")


def _say(finding: Finding) -> None:
    aim = f"aim {finding.aim}" if finding.aim else ""
    print(
        f"  {finding.what:<75} {finding.value:>18}  {finding.spread:<22} {aim}".rstrip(), flush=True
    )


main()
