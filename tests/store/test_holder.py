"""Whether the process that holds a lease has ended: told for certain, or not at all."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.store.holder import has_ended, new_holder
from tests.support.process import ROOT
from tests.support.waiting import wait_until

NAME = "import exporter.store.holder as h; print(h.new_holder(), flush=True); input()"


@contextmanager
def another() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process, and the name that it holds leases under."""
    with subprocess.Popen(
        [sys.executable, "-c", NAME],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def test_a_process_that_runs_or_is_suspended_has_not_ended() -> None:
    assert not has_ended(new_holder())
    with another() as (process, name):
        assert not has_ended(name)
        process.send_signal(signal.SIGSTOP)
        assert not has_ended(name)


def test_a_process_that_was_killed_has_ended() -> None:
    """Also before its parent has taken notice of it."""
    with another() as (process, name):
        process.kill()
        wait_until(lambda: has_ended(name))
        process.wait()
        assert has_ended(name)


def test_another_process_of_the_same_number_is_not_the_holder() -> None:
    host, pid, started, *rest = new_holder().split(":")
    assert has_ended(":".join([host, pid, str(int(started) - 1), *rest]))


@pytest.mark.parametrize("name", ["", "first", "host:1:0badc0de", "a:b:c:d:e", "a:1:2::x"])
def test_of_other_names_nothing_is_known(name: str) -> None:
    assert not has_ended(name)


@given(st.text())
def test_no_process_of_another_machine_has_ended(machine: str) -> None:
    host, pid, started, _, unique = new_holder().split(":")
    assert not has_ended(":".join([host, pid, f"{started}1", machine, unique]))
