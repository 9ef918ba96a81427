"""Every setting as an option of the command line, with its environment twin and default."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from exporter import logs
from exporter.settings import SETTINGS, Setting, Settings, load
from exporter.streams import STREAMS

STREAM_NAMES = [stream.name for stream in STREAMS]


def _option(setting: Setting) -> Callable[[Any], Any]:
    return click.option(
        _flag(setting),
        setting.name,
        envvar=setting.name,
        show_envvar=True,
        default=None,
        show_default=setting.default,
        metavar="TEXT",
        help=setting.help[0].upper() + setting.help[1:] + ".",
    )


def _flag(setting: Setting) -> str:
    return "--" + setting.key.replace("_", "-")


def _may_be_typed(setting: Setting) -> bool:
    """Secrets stay out of the process list; an interval names its stream in the environment."""
    return not (setting.secret or setting.per_stream)


def with_settings(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command all settings as options; it receives one checked ``settings``.

    Applied after the command's own options, which win where both have the same name.
    """
    own: list[click.Parameter] = getattr(command, "__click_params__", [])
    taken = {flag for parameter in own for flag in parameter.opts}
    typed = [s for s in SETTINGS if _may_be_typed(s) and _flag(s) not in taken]

    @wraps(command)
    def called(**options: Any) -> Any:
        values = {setting.name: options.pop(setting.name) for setting in typed}
        given = {name: value for name, value in values.items() if value is not None}
        return command(settings=_load(given), **options)

    # Click lists the last parameter first: the command's own come before the settings.
    parameters: list[click.Parameter] = []
    vars(called)["__click_params__"] = parameters
    for setting in reversed(typed):
        called = _option(setting)(called)
    parameters.extend(own)
    secrets = ", ".join(s.name for s in SETTINGS if not _may_be_typed(s))
    called.__doc__ = f"{command.__doc__}\n\n    Set in the environment or the file only: {secrets}."
    return called


def _load(typed: dict[str, str]) -> Settings:
    settings = load(
        {**os.environ, **typed}, stream_names=STREAM_NAMES, terminal=sys.stderr.isatty()
    )
    logs.configure(settings.log_format, settings.log_level, settings.log_level_file)
    return settings
