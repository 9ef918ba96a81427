"""The example in the rules of coverage holds; the laws are in `test_paginator`."""

from __future__ import annotations

import doctest

from exporter.api import coverage


def test_the_example_of_the_rules_holds() -> None:
    result = doctest.testmod(coverage)
    assert result.attempted > 5
    assert result.failed == 0
