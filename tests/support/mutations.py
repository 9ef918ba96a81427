"""Bodies as no documentation shows them: the sample pages, mutated, from a seed."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

NASTY = [
    *("null", "true", "false", "0", "-0", "-1", "1.5", "[]", "{}", '""', '" "', "[[]]", '[null]'),
    *("1e400", "1e-400", "1e99999999999999999999", "-1e-99999999999999999999", "1e131072"),
    *("1e-16384", "1e308", "Infinity", "-Infinity", "NaN", "nan", "01", "+1", ".5", "5.", "0x10"),
    *("9223372036854775807", "9223372036854775808", "-9223372036854775809", "1e18", "1.0"),
    *("9" * 25, "9" * 5_000, "0." + "9" * 17_000, "True", "undefined", "'x'", "1e", "--1"),
    *('"NaN"', '"Infinity"', '"sNaN"', '"+5"', '" 5 "', '"1_000"', '"\u0661\u0662"', '"5."'),
    *('"1e400"', '"1e99999999999999999999"', '"-0"', '"1,5"', '"0x1"', '"007"', '"null"'),
    *(f'"{"9" * 5_000}"', f'"0.{"0" * 20_000}1"', '"1e-16400"', '"1e5"', '"1E+5"'),
    *(r'"a\u0000b"', r'"\u0000"', r'"x\ud83dy"', r'"\udc00"', r'"\ud83d\ude00"', r'"\\u0000"'),
    *(r'"\ud83d\ud83d\ude00"', r'"\ud83d\u0041"', r'"\uD800"', r'"\x41"', '"\\', '"\x00"', '"\n"'),
    *('"\x7f"', '"\ufffd"', '"\u2400"', '"\ufdd0"', '"\u202e"', '"\U0010ffff"'),
    *('"' + "k" * 9_000 + '"', '"' + "\u00e4" * 700 + '"'),
    *('"0001-01-01T00:00:00+14:00"', '"9999-12-31T23:59:59.999999999-14:00"', '"2026-02-30"'),
    *('"0001-01-01T00:00:00Z"', '"9999-12-31T23:59:59.999999999Z"', '"2026-01-01T24:00:00Z"'),
    *('"2026-12-31T23:59:60Z"', '"2026-01-01"', '"20260101T000000Z"', '"2026-W01-1"'),
    *('"2026-01-01T00:00:00,123456789Z"', '"2026-01-01x00:00:00Z"', '"2026-01-01T00:00:00+99:99"'),
    *('"1754395201021329"', '"99999999999999999999999999999"', '"-1"', "1e12", "1754395201.5"),
    *('"0f0f0f0f-0000-4000-8000-0000000000AA"', '"0f0f0f0f000040008000000000000001"'),
    *('"{0f0f0f0f-0000-4000-8000-000000000001}"', "[" * 150 + "]" * 150, "[" * 3_000 + "]" * 3_000),
    *('{"a":' * 200 + "1" + "}" * 200, r'{"a\u0000":1}', r'{"\ud800":1}', '{"a":1,"a":2}'),
]  # fmt: skip
"""JSON values, and what looks like one."""

NAMES = ["", "x_new", r"a\u0000b", r"\ud800", "account_id", "cursor", "k" * 5_000, "time", "\x00"]


class Token(str):
    """A text that is written as it is in place of a JSON value."""


class Again(str):
    """The name of a member that its object has already: as a key it is another one."""

    __slots__ = ()
    __eq__ = object.__eq__
    __hash__ = object.__hash__


def written(value: Any) -> str:
    """``value`` as JSON; pairs in a list of `Member` become an object, which may repeat names."""
    if isinstance(value, Token):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{_name(k)}:{written(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    return json.dumps(value)


def _name(name: str) -> str:
    return f'"{name}"' if isinstance(name, Token) else json.dumps(name)


def mutated(page: bytes, chance: random.Random) -> bytes:
    """The page with one to three mutations of its values, and now and then of its bytes."""
    tree = json.loads(page)
    for _ in range(chance.choice([1, 1, 1, 2, 3])):
        tree = _mutate(tree, chance)
    body = written(tree).encode("utf-8", "surrogatepass")
    return _mutate_bytes(body, chance) if chance.random() < 0.3 else body


def _mutate(tree: Any, chance: random.Random) -> Any:
    places = list(_places(tree))
    if not places or chance.random() < 0.02:
        return Token(chance.choice(NASTY))
    container, key = chance.choice(places)
    change = chance.choice([_replace, _replace, _replace, _drop, _add, _repeat, _rename])
    change(container, key, chance)
    return tree


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(node, dict | list):
        for key in list(node) if isinstance(node, dict) else range(len(node)):
            yield node, key
            yield from _places(node[key])


def _replace(container: Any, key: Any, chance: random.Random) -> None:
    container[key] = Token(chance.choice(NASTY))


def _drop(container: Any, key: Any, _chance: random.Random) -> None:
    del container[key]


def _add(container: Any, key: Any, chance: random.Random) -> None:
    value = Token(chance.choice(NASTY))
    if isinstance(container, dict):
        container[Token(chance.choice(NAMES))] = value
    else:
        container.insert(key, value)


def _repeat(container: Any, key: Any, chance: random.Random) -> None:
    """A record twice, or a member twice."""
    if isinstance(container, list):
        container.insert(chance.randrange(len(container) + 1), container[key])
    else:
        container[Again(key)] = container[key]


def _rename(container: Any, key: Any, chance: random.Random) -> None:
    if isinstance(container, dict):
        container[Token(chance.choice(NAMES))] = container.pop(key)


def _mutate_bytes(body: bytes, chance: random.Random) -> bytes:
    changes: list[Callable[[bytes, int], bytes]] = [
        lambda text, at: text[:at],
        lambda text, at: text[:at] + bytes([chance.randrange(256)]) + text[at:],
        lambda text, at: text[:at] + bytes([chance.randrange(256)]) + text[at + 1 :],
        lambda text, at: text[:at] + text[at + chance.randrange(1, 40) :],
        lambda text, at: text[:at] + text[at : at + 30] + text[at:],
        lambda text, _: b"\xef\xbb\xbf" + text,
        lambda text, _: text.decode("utf-8", "replace").encode("utf-16"),
        lambda text, at: text[:at] + b"[" * 200_000 + text[at:],
    ]
    weights = [20, 60, 60, 30, 30, 2, 2, 1]
    [change] = chance.choices(changes, weights)
    return change(body, chance.randrange(len(body) + 1))
