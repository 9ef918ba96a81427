"""A YAML file read strictly: each fault is noted with its line, and no value is ever quoted.

The file holds a private key and password hashes; what is wrong is told by key and line alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import yaml

from exporter.settings import values

_NULL = "tag:yaml.org,2002:null"
_BOOLEANS = yaml.SafeLoader.bool_values
_LONGEST_KEY = 60


class Section:
    """One mapping of the file. Every key is taken by its reader; `finish` notes what is left.

    A key without a value counts as not given. Numbers and words are texts as they are written.
    """

    def __init__(self, file: Path, name: str, faults: list[str], node: yaml.Node | None) -> None:
        self._file = file
        self._name = name
        self._faults = faults
        self._lines: dict[str, int] = {}
        self._left: dict[str, yaml.Node] = {}
        if isinstance(node, yaml.MappingNode):
            self._fill(node)
        elif node is not None and node.tag != _NULL:
            self._note(name, node, "is no mapping; write `key: value` lines below it")

    def _fill(self, mapping: yaml.MappingNode) -> None:
        for key, value in mapping.value:
            if not isinstance(key, yaml.ScalarNode):
                self._note(self._name, key, "has a key that is no text; write `key: value`")
            elif key.value in self._lines:
                first = self._lines[key.value]
                self._note(
                    self._path(key.value), key, f"is there twice, first in line {first}; remove one"
                )
            else:
                self._lines[key.value] = _line(key)
                if value.tag != _NULL:
                    self._left[key.value] = value

    def __contains__(self, key: str) -> bool:
        return key in self._lines

    def text(self, key: str) -> str:
        """The text of ``key``; empty when it is not given."""
        node = self._left.pop(key, None)
        if node is None or isinstance(node, yaml.ScalarNode):
            return "" if node is None else str(node.value)
        self._note(self._path(key), node, "is no text; write one value")
        return ""

    def flag(self, key: str, default: bool) -> bool:
        """Whether ``key`` is true."""
        word = self.text(key).lower()
        if word and word not in _BOOLEANS:
            self.fault(key, "is neither true nor false; write one of them")
        return _BOOLEANS.get(word, default)

    def texts(self, key: str) -> tuple[str, ...]:
        """The list of ``key``; empty when it is not given."""
        node = self._left.pop(key, None)
        if node is None:
            return ()
        if not isinstance(node, yaml.SequenceNode) or not all(
            isinstance(item, yaml.ScalarNode) and item.tag != _NULL for item in node.value
        ):
            self._note(self._path(key), node, "is no list of texts; write `- value` lines")
            return ()
        return tuple(str(item.value) for item in node.value)

    def table(self, key: str) -> Section:
        """The mapping of ``key``; empty when it is not given."""
        return Section(self._file, self._path(key), self._faults, self._left.pop(key, None))

    def items(self) -> Iterator[tuple[str, str]]:
        """Every key that is left, with its text."""
        for key in list(self._left):
            yield key, self.text(key)

    def fault(self, key: str, what: str) -> None:
        """Note what is wrong with ``key``, and what to write instead."""
        line = self._lines.get(key)
        where = f"{self._file} line {line}" if line else f"{self._file}"
        self._faults.append(f"{where}: {self._path(key)} {what}")

    def finish(self, *known: str) -> None:
        """Note every key that nobody has taken; ``known`` are the right ones."""
        for key in self._left:
            self.fault(key, f"is unknown; {values.did_you_mean(key, known)}")
        self._left.clear()

    def _path(self, key: str) -> str:
        shown = key[:_LONGEST_KEY] if key.isprintable() else "a key"
        return f"{self._name}.{shown}" if self._name else shown

    def _note(self, name: str, node: yaml.Node, what: str) -> None:
        self._faults.append(f"{self._file} line {_line(node)}: {name or 'the file'} {what}")


def read(text: str, file: Path, faults: list[str]) -> Section:
    """The file's outermost mapping; empty, with a fault, when it is no YAML."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        # Neither str(error), which quotes the line, nor an undefined alias, which may be a secret.
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        faults.append(f"{file} line {line}: is no YAML; correct the indentation and the quotes")
        root = None
    except (yaml.YAMLError, RecursionError, ValueError, OverflowError):
        # The last two: an escape such as \UFFFFFFFF, which is no character.
        faults.append(f"{file}: is no YAML; write it as UTF-8 text without control characters")
        root = None
    return Section(file, "", faults, root)


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
