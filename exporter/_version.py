"""The version of the distribution, written in this one place, and what it was built from."""

from pathlib import Path

__version__ = "0.1.0"

_WRITTEN = Path(__file__).with_name("revision.txt")
"""By what builds a wheel or an image (scripts/dist, Dockerfile); a checkout has none."""


def revision() -> str:
    """The commit that the package was built from, ``unknown`` in a checkout."""
    try:
        return _WRITTEN.read_text("ascii").strip() or "unknown"
    except (OSError, UnicodeDecodeError):
        return "unknown"
