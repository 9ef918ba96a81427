"""The documents and their fenced blocks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from textwrap import dedent
from typing import NamedTuple

from tests.support.process import ROOT

# Generated, or about the past.
_NOT_READ = {"CHANGELOG.md", "docs/data-dictionary.md"}
DOCUMENTS: Mapping[str, str] = {
    str(path.relative_to(ROOT)): path.read_text("utf-8")
    for folder in (
        *(".", "docs", "docs/runbooks", "grafana", "grafana/alerts", "tools/preview"),
        *("helm", "helm/onetrading-exporter"),
    )
    for path in sorted((ROOT / folder).glob("*.md"))
    if str(path.relative_to(ROOT)) not in _NOT_READ
}

LANGUAGES = {"sh", "python", "sql", "toml", "yaml", "ini", "json", "promql", "text", ""}
"""Languages of fenced blocks; text, or without one, a block is output or an excerpt."""


class Block(NamedTuple):
    """A fenced block of a document."""

    document: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"


def blocks(*languages: str) -> list[Block]:
    """The fenced blocks of some languages (none given: of all), the same text once."""
    found: dict[str, Block] = {}
    for document, text in DOCUMENTS.items():
        for match in re.finditer(r"^( *)```(.*)\n((?:.*\n)*?)\1```$", text, re.MULTILINE):
            line = 1 + text.count("\n", 0, match.start())
            block = Block(document, line, match[2].strip(), dedent(match[3]))
            if not languages or block.language in languages:
                found.setdefault(f"{block.language}\n{block.text}", block)
    return list(found.values())
