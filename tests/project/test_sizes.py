"""Modules stay small enough to be read at a sitting, and say what they are for."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.support.process import ROOT

MODULE, FUNCTION = 400, 40
"""Lines at most."""
MODULES = {
    str(path.relative_to(ROOT)): path
    for folder in ("benchmarks", "exporter", "grafana", "tests")
    for path in sorted((ROOT / folder).rglob("*.py"))
    # A list of tests is read one by one, and may be as long as there are cases.
    if not path.name.startswith("test_") and "node_modules" not in path.parts
}


@pytest.mark.parametrize("path", MODULES.values(), ids=MODULES)
def test_a_module_is_small_and_says_what_it_is_for(path: Path) -> None:
    text = path.read_text("utf-8")
    module = ast.parse(text)
    assert ast.get_docstring(module)
    assert len(text.splitlines()) <= MODULE
    sizes = {
        node.name: (node.end_lineno or 0) - node.lineno + 1
        for node in ast.walk(module)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {name: lines for name, lines in sizes.items() if lines > FUNCTION} == {}
