"""What Grafana takes for a dashboard: JSON schemas made from the types that it publishes.

Nothing of `@grafana/schema` is kept in this project: its current version comes from npm when the
tests run, and what was made of it stays in pytest's cache, by version.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.tools import tool

Schemas = Mapping[str, dict[str, Any]]

_PACKAGE = "@grafana/schema"
_GENERATOR = "ts-json-schema-generator@^2"
_TYPES = f"./node_modules/{_PACKAGE}/dist/types/raw"
_KINDS = ("stat", "statetimeline", "table", "timeseries")
_WANTED = {"Board": (f"{_TYPES}/dashboard/x/types.gen", "Dashboard")} | {
    f"{kind}{type_}": (f"{_TYPES}/composable/{kind}/panelcfg/x/types.gen", type_)
    for kind in _KINDS
    for type_ in ("Options", "FieldConfig")
    if (kind, type_) != ("stat", "FieldConfig")  # it has none
}
_GENERATE = """
const fs = require("fs");
const { createGenerator } = require("ts-json-schema-generator");
const wanted = Object.entries(JSON.parse(process.argv[1]));
fs.writeFileSync("wanted.ts", wanted.map(([name, [path, type]]) =>
  `import { ${type} as ${name}_ } from "${path}";\\nexport type ${name} = ${name}_;`).join("\\n"));
const generator = createGenerator({ path: "wanted.ts", skipTypeCheck: true });
const made = wanted.map(([name]) => [name, generator.createSchema(name)]);
process.stdout.write(JSON.stringify(Object.fromEntries(made)));
"""


def schemas(cache: Path, work: Path) -> Schemas:
    """`Board`, and for each kind of panel `<kind>Options` and `<kind>FieldConfig`.

    Skips the test that asks when npm is missing or cannot be reached.
    """
    npm, node = tool("npm", "npm"), tool("node", "nodejs")
    version = _fetched([npm, "view", _PACKAGE, "version"], work).strip()
    made = cache / f"{version}.json"
    if not made.is_file():
        install = [npm, "install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund"]
        _fetched([*install, f"{_PACKAGE}@{version}", _GENERATOR], work)
        generate = [node, "-e", _GENERATE, json.dumps(_WANTED)]
        made.write_text(_run(generate, work))
    found: Schemas = json.loads(made.read_text())
    return found


def _fetched(command: list[str], work: Path) -> str:
    """The output of npm, whose failure is the network's fault and no dashboard's."""
    try:
        return _run(command, work)
    except subprocess.SubprocessError as error:
        said = getattr(error, "stderr", None) or error
        pytest.skip(f"the types of Grafana cannot be had: {str(said)[-500:]}")


def _run(command: list[str], work: Path) -> str:
    done = subprocess.run(command, cwd=work, capture_output=True, text=True, timeout=90, check=True)
    return done.stdout
