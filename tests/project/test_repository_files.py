"""What the hosting of the repository reads: forms, owners, and the documents that they link."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.support.process import ROOT

FORMS = ROOT / ".github" / "ISSUE_TEMPLATE"
URL: str = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]["Repository"]


@pytest.mark.parametrize("form", ["bug", "idea"])
def test_a_form_is_one_that_is_shown(form: str) -> None:
    """GitHub's syntax for issue forms: each needs these keys, fields with an id and a label."""
    content = yaml.safe_load((FORMS / f"{form}.yml").read_text())
    assert content["name"]
    assert content["description"]
    fields = [field for field in content["body"] if field["type"] != "markdown"]
    assert any(field.get("validations", {}).get("required") for field in fields)
    ids = [field["id"] for field in fields]
    assert len({*ids}) == len(ids)
    assert all(field["attributes"]["label"] for field in fields)


def test_owners_are_named_for_paths_that_exist() -> None:
    lines = (ROOT / ".github" / "CODEOWNERS").read_text().splitlines()
    rules = [line.split() for line in lines if line and not line.startswith("#")]
    assert rules[0][0] == "*"
    for path, *owners in rules:
        assert path == "*" or (ROOT / path.strip("/")).exists(), path
        assert owners
        assert all(re.fullmatch(r"@[\w-]+(/[\w-]+)?", owner) for owner in owners)


@pytest.mark.parametrize(
    "file",
    [
        *sorted(FORMS.glob("*.yml")),
        ROOT / ".github" / "pull_request_template.md",
        ROOT / "CODE_OF_CONDUCT.md",
    ],
    ids=lambda path: path.name,
)
def test_what_they_name_exists(file: Path) -> None:
    text = file.read_text()
    for document in re.findall(r"\b([A-Z_]+\.md)\b", text):
        assert (ROOT / document).is_file(), document
    for path in re.findall(rf"{URL}/blob/main/(\S+)", text):
        assert (ROOT / path).exists(), path
