"""Decimal arithmetic that never rounds silently.

The default context keeps 28 digits, fewer than price times amount needs when both carry 18
decimals, and each thread has its own context. All arithmetic on money in the simulator runs in
`EXACT`, which raises on the first digit lost; where rounding is meant, `rounded` does it.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Context, Decimal, Inexact, InvalidOperation, localcontext
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

EXACT = Context(prec=120, traps=[Inexact, InvalidOperation])
_ROUNDING = Context(prec=120, rounding=ROUND_HALF_EVEN)
ZERO = Decimal(0)


def exact(function: Callable[P, R]) -> Callable[P, R]:
    """Run `function` with exact decimal arithmetic, whatever the caller's context."""

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        with localcontext(EXACT):
            return function(*args, **kwargs)

    return run


def rounded(value: Decimal, places: int) -> Decimal:
    """Return `value` with `places` decimals, half to even."""
    return value.quantize(Decimal(1).scaleb(-places), context=_ROUNDING)


def quotient(dividend: Decimal, divisor: Decimal, places: int) -> Decimal:
    """Return the quotient with `places` decimals, half to even."""
    return rounded(_ROUNDING.divide(dividend, divisor), places)


def trimmed(value: Decimal) -> str:
    """Return `value` in plain notation without trailing zeros."""
    plain = format(value, "f")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def text(value: Decimal) -> str:
    """Return `value` in plain notation, as the exchange prints it: never with an exponent."""
    return format(value, "f")
