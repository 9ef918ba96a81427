"""The resource types of the Prometheus operator, from an npm package: fields and their types.

kubernetes-validate knows only the types of Kubernetes itself. The package is installed once into
`.cache`; without npm or its registry, the test that needs it is skipped, with the reason.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from tests.support.helm import Manifest
from tests.support.npm import installed
from tests.support.tools import tool

_PACKAGE = "@kubernetes-models/prometheus-operator"
_VERSION = "6.0.0"
_V1 = f"{_PACKAGE}/monitoring.coreos.com/v1"

# The package checks types, but ignores unknown fields.
_VALIDATE = f"""
import * as models from "{_V1}";
let faults = [];
for (const object of JSON.parse(process.argv[2])) {{
  try {{ new models[object.kind](object).validate(); }}
  catch (error) {{ faults.push(object.kind + " " + object.metadata.name + ": " + error.message); }}
}}
console.log(JSON.stringify(faults));
"""


def check(manifests: list[Manifest]) -> None:
    """Fail on an unknown field or a wrong type in ServiceMonitors and PrometheusRules."""
    folder = _installed()
    script = folder / "validate.mjs"
    script.write_text(_VALIDATE)
    command = [tool("node", "nodejs"), str(script), json.dumps(manifests)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
    for manifest in manifests:
        for kind, value in _typed(manifest):
            assert not set(value) - _fields(kind), f"{kind} has no such field"


def _typed(manifest: Manifest) -> Iterator[tuple[str, dict[str, Any]]]:
    spec = manifest["spec"]
    yield f"{manifest['kind']}Spec", spec
    for endpoint in spec.get("endpoints", []):
        yield "Endpoint", endpoint
    for group in spec.get("groups", []):
        yield "RuleGroup", group
        for rule in group["rules"]:
            yield "Rule", rule


@cache
def _fields(kind: str) -> frozenset[str]:
    text = (_installed() / "node_modules" / _V1 / f"{kind}.d.ts").read_text()
    return frozenset(re.findall(r'^ +"(\w+)"\??:', text, re.MULTILINE))


def _installed() -> Path:
    return installed(f"prometheus-operator-{_VERSION}", f"{_PACKAGE}@{_VERSION}")
