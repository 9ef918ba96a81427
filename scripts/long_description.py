"""The long description of the distribution: README.md, with links that work from anywhere.

On GitHub, links and pictures are relative to the repository. PyPI has no repository to resolve them
in, so hatchling makes them absolute when it builds, and pins them to the tag of the version.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_REPOSITORY = "onetrading-exporter/onetrading-exporter"
_PICTURES = (".png", ".svg")
_TARGET = re.compile(r'(?P<before>\]\(|\b(?:src|srcset|href)=")(?P<target>[^)"#\s][^)"\s]*)')


def absolute(text: str, version: str) -> str:
    """``text``, Markdown with HTML in it, with each relative link and picture made absolute."""

    def replaced(match: re.Match[str]) -> str:
        target = match["target"]
        if re.match(r"[a-z]+:", target):
            return match[0]
        path = target.partition("#")[0]
        if path.endswith(_PICTURES):
            base = f"https://raw.githubusercontent.com/{_REPOSITORY}/v{version}/"
        else:
            base = f"https://github.com/{_REPOSITORY}/blob/v{version}/"
        return match["before"] + base + target

    return _TARGET.sub(replaced, text)


class LongDescription(MetadataHookInterface):
    """Fills ``readme`` of the project's metadata."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Called by hatchling for every build, that of an editable install included."""
        root = Path(self.root)
        declared = (root / "exporter" / "_version.py").read_text("utf-8")
        found = re.search(r'__version__ = "([^"]+)"', declared)
        if found is None:
            raise ValueError("exporter/_version.py declares no __version__")
        text = absolute((root / "README.md").read_text("utf-8"), found[1])
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
