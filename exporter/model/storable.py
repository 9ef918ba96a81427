"""What Postgres can hold, and how text that it cannot hold is made visible.

Text and ``jsonb`` hold neither NUL (PostgreSQL, 8.3 and 8.14) nor a lone surrogate, which UTF-8
lacks.
"""

from __future__ import annotations

import re

NUL_SHOWN = "\N{SYMBOL FOR NULL}"
SURROGATE_SHOWN = "\N{REPLACEMENT CHARACTER}"

_LONE = re.compile("[\ud800-\udfff]")


def storable(text: str) -> str:
    """``text`` with every character that Postgres cannot store replaced by a visible one."""
    if text.isascii():
        return text.replace("\0", NUL_SHOWN)
    return _LONE.sub(SURROGATE_SHOWN, text.replace("\0", NUL_SHOWN))
