"""JSON schemas of dashboards, generated from the types that Grafana publishes.

No copy of `@grafana/schema` is part of this project: its current version comes from npm when the
tests run, and the generated schemas stay in `.cache`, by version.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.npm import installed, newest
from tests.support.tools import tool

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


def schemas() -> Schemas:
    """`Board`, and for each kind of panel `<kind>Options` and `<kind>FieldConfig`.

    Skips the calling test when npm or its registry is not available.
    """
    version = newest(_PACKAGE)
    folder = installed(f"grafana-schema-{version}", f"{_PACKAGE}@{version}", _GENERATOR)
    made = folder / "schemas.json"
    if not made.is_file():
        made.write_text(_generated(folder))
    found: Schemas = json.loads(made.read_text())
    return found


def _generated(folder: Path) -> str:
    command = [tool("node", "nodejs"), "-e", _GENERATE, json.dumps(_WANTED)]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=90, check=True
    ).stdout
