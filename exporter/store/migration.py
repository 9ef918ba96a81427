"""The migrations as files: `NNNN_verb_object.sql`, plain SQL, never edited once released."""

import hashlib
import re
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from exporter.model.errors import SchemaError

FILE_NAME = re.compile(r"(\d{4})_[a-z0-9]+(_[a-z0-9]+)+\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: its number, its name without the ending, its text, and the checksum of the text."""

    number: int
    name: str
    sql: str
    sha256: str


def migrations_dir() -> Path:
    """Return the directory of the installed package's migrations, or that of the checkout.

    Raises SchemaError when there is neither.
    """
    package = Path(str(resources.files("exporter")))
    for place in (package / "migrations", package.parent / "migrations"):
        if place.is_dir():
            return place
    raise SchemaError(f"{package} was installed without its migrations: install it again")


def load(directory: Path) -> list[Migration]:
    """Read all migrations of a directory, in order.

    Raises SchemaError for a file with another name than `NNNN_verb_object.sql`, for two files with
    one number, and for a number that is left out (the first is 0001).
    """
    found: list[Migration] = []
    for path in sorted(directory.glob("*.sql")):
        match = FILE_NAME.fullmatch(path.name)
        if match is None:
            raise SchemaError(f"{path} is not named NNNN_verb_object.sql: rename it")
        text = path.read_text(encoding="utf-8")  # with \n line ends, whatever git made of them
        checksum = hashlib.sha256(text.encode()).hexdigest()
        found.append(Migration(int(match[1]), path.stem, text, checksum))
    for expected, migration in enumerate(found, start=1):
        if migration.number < expected:
            raise SchemaError(
                f"two migrations in {directory} have the number {migration.number:04}:"
                " give the newer one the next free number"
            )
        if migration.number > expected:
            raise SchemaError(
                f"there is no migration {expected:04} in {directory}, but {migration.name}:"
                " restore the missing file or renumber"
            )
    return found
