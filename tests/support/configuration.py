"""The environment variables that an exporter under test is started with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from exporter.settings import Settings, load
from exporter.streams import STREAMS

NAMES = [stream.name for stream in STREAMS]
"""Of every stream."""
PUBLIC_NAMES = [stream.name for stream in STREAMS if stream.public]


def environment_of(
    base_url: str, folder: Path, tokens: Mapping[str, str], **more: str
) -> dict[str, str]:
    """The environment of an exporter that reads these accounts; ``more`` wins.

    ``tokens``: account name to token; each is written to the file ``folder / name``, which a test
    may replace. Without ``DATABASE_URL`` in ``more`` the exporter serves metrics only.
    """
    for name, token in tokens.items():
        path = folder / name
        path.write_text(token)
        path.chmod(0o600)
    environ = {
        "ONETRADING_BASE_URL": base_url,
        "ONETRADING_DATA_DIR": str(folder / "data"),
        "ONETRADING_LISTEN": "127.0.0.1:0",
        "DATABASE_URL": "none",
    }
    if tokens:
        environ["ONETRADING_ACCOUNTS"] = ",".join(f"{name}={folder / name}" for name in tokens)
    return environ | more


def settings_from(environ: Mapping[str, str]) -> Settings:
    """The settings that an environment gives. Raises SettingsError."""
    return load(environ, stream_names=NAMES, public_streams=PUBLIC_NAMES)
