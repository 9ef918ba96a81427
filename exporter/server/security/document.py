"""A YAML file read strictly: each fault is reported with its line, and no value is ever quoted.

The file contains a private key and password hashes: a fault names only the key and the line.
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
    """One mapping of the file. Readers take its keys; `finish` reports those that are left.

    A key without a value counts as absent. Numbers and booleans are text, as they are written.
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
            self._report(name, node, "is not a mapping; write `key: value` lines below it")

    def _fill(self, mapping: yaml.MappingNode) -> None:
        for key, value in mapping.value:
            if not isinstance(key, yaml.ScalarNode):
                self._report(self._name, key, "has a key that is not text; write `key: value`")
            elif key.value in self._lines:
                first = self._lines[key.value]
                self._report(
                    self._path(key.value), key, f"is given twice, first in line {first}; remove one"
                )
            else:
                self._lines[key.value] = _line(key)
                if value.tag != _NULL:
                    self._left[key.value] = value

    def __contains__(self, key: str) -> bool:
        return key in self._lines

    def text(self, key: str) -> str:
        """Take the text of ``key``; empty when it is absent."""
        node = self._left.pop(key, None)
        if node is None or isinstance(node, yaml.ScalarNode):
            return "" if node is None else str(node.value)
        self._report(self._path(key), node, "is not text; write one value")
        return ""

    def boolean(self, key: str, default: bool) -> bool:
        """Take the boolean of ``key``, in any of YAML 1.1's notations."""
        word = self.text(key).lower()
        if word and word not in _BOOLEANS:
            self.fault(key, "is neither true nor false; write one of them")
        return _BOOLEANS.get(word, default)

    def texts(self, key: str) -> tuple[str, ...]:
        """Take the list of ``key``; empty when it is absent."""
        node = self._left.pop(key, None)
        if node is None:
            return ()
        if not isinstance(node, yaml.SequenceNode) or not all(
            isinstance(item, yaml.ScalarNode) and item.tag != _NULL for item in node.value
        ):
            self._report(self._path(key), node, "is not a list of texts; write `- value` lines")
            return ()
        return tuple(str(item.value) for item in node.value)

    def section(self, key: str) -> Section:
        """Take the mapping of ``key``; empty when it is absent."""
        return Section(self._file, self._path(key), self._faults, self._left.pop(key, None))

    def items(self) -> Iterator[tuple[str, str]]:
        """Take every key that is left, with its text."""
        for key in list(self._left):
            yield key, self.text(key)

    def fault(self, key: str, message: str) -> None:
        """Report what is wrong with ``key`` and what to write instead."""
        line = self._lines.get(key)
        where = f"{self._file} line {line}" if line else f"{self._file}"
        self._faults.append(f"{where}: {self._path(key)} {message}")

    def finish(self, *known: str) -> None:
        """Report every key that was not taken as unknown; ``known`` are the ones to suggest."""
        for key in self._left:
            self.fault(key, f"is unknown; {values.did_you_mean(key, known)}")
        self._left.clear()

    def _path(self, key: str) -> str:
        shown = key[:_LONGEST_KEY] if key.isprintable() else "a key"
        return f"{self._name}.{shown}" if self._name else shown

    def _report(self, name: str, node: yaml.Node, message: str) -> None:
        self._faults.append(f"{self._file} line {_line(node)}: {name or 'the file'} {message}")


def read(text: str, file: Path, faults: list[str]) -> Section:
    """The file's outermost mapping; empty, with a fault, when the text is not YAML."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        # Neither str(error), which quotes the line, nor an undefined alias, which may be a secret.
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        faults.append(f"{file} line {line}: is not valid YAML; correct the indentation and quotes")
        root = None
    except (yaml.YAMLError, RecursionError, ValueError, OverflowError):
        # The last two: an escape such as \UFFFFFFFF, which is not a character.
        faults.append(f"{file}: is not valid YAML; write UTF-8 text without control characters")
        root = None
    return Section(file, "", faults, root)


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
