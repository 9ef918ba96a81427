"""Every setting as an option of the command line, with its environment twin and default."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from exporter.cli import logs
from exporter.settings import SETTINGS, Setting, Settings, load
from exporter.streams import STREAMS

STREAM_NAMES = [stream.name for stream in STREAMS]


def _option(setting: Setting) -> Callable[[Any], Any]:
    flag = "--" + setting.key.replace("_", "-")
    return click.option(
        flag,
        setting.name,
        envvar=setting.name,
        show_envvar=True,
        default=None,
        show_default=setting.default,
        metavar="TEXT",
        help=setting.meaning[0].upper() + setting.meaning[1:] + ".",
    )


def _may_be_typed(setting: Setting) -> bool:
    """Secrets stay out of the process list; an interval names its stream in the environment."""
    return not setting.secret and "<" not in setting.name


def with_settings(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command all settings as options; it receives one checked ``settings``."""

    @wraps(command)
    def called(**options: Any) -> Any:
        typed = {s.name: options.pop(s.name.lower()) for s in SETTINGS if _may_be_typed(s)}
        given = {name: value for name, value in typed.items() if value is not None}
        return command(settings=_load(given), **options)

    for setting in reversed([s for s in SETTINGS if _may_be_typed(s)]):
        called = _option(setting)(called)
    secrets = ", ".join(s.name for s in SETTINGS if not _may_be_typed(s))
    called.__doc__ = f"{command.__doc__}\n\n    Set in the environment or the file only: {secrets}."
    return called


def _load(given: dict[str, str]) -> Settings:
    config = given.pop("ONETRADING_CONFIG", None)
    settings = load(
        {**os.environ, **given},
        config=Path(config) if config else None,
        stream_names=STREAM_NAMES,
        terminal=sys.stderr.isatty(),
    )
    logs.configure(settings.log_format, settings.log_level)
    return settings
