"""Every setting as a command line option, with its environment variable and default."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

import click

from exporter import logs
from exporter.cli.command import SettingOption
from exporter.settings import NETWORK_VARIABLES, SETTINGS, Setting, Settings, load
from exporter.streams import STREAMS

STREAM_NAMES = [stream.name for stream in STREAMS]
PUBLIC_STREAM_NAMES = [stream.name for stream in STREAMS if stream.public]


def _option(setting: Setting) -> Callable[[Any], Any]:
    return click.option(
        _flag(setting),
        *setting.flags,
        setting.name,
        envvar=setting.name,
        show_envvar=True,
        default=None,
        show_default=setting.default,
        metavar=setting.metavar,
        cls=SettingOption,
        help=setting.help[0].upper() + setting.help[1:] + ".",
    )


def _flag(setting: Setting) -> str:
    return "--" + setting.key.replace("_", "-")


def _is_taken(flag: str, taken: set[str]) -> bool:
    """Whether a command has an option of its own by this name, or nearly: `--stream` of a command
    and `--streams` beside it would be taken for each other."""
    return flag in taken or flag.removesuffix("s") in taken


def _is_option(setting: Setting) -> bool:
    """Secrets stay out of the process list; an interval has its stream in the variable's name."""
    return not (setting.secret or setting.per_stream)


def with_settings(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add all settings to a command as options; it receives them as one checked ``settings``.

    The command's own options win where both have the same name.
    """
    return _with_settings(command, {})


def with_local_settings(command: Callable[..., Any]) -> Callable[..., Any]:
    """The same for a command that speaks to this machine only: no proxy and no certificate that the
    environment names concerns it, nor can it fail for one."""
    return _with_settings(command, dict.fromkeys(NETWORK_VARIABLES, ""))


def _with_settings(command: Callable[..., Any], instead: Mapping[str, str]) -> Callable[..., Any]:
    """``instead``: variables that count as if they were set like this."""
    own: list[click.Parameter] = getattr(command, "__click_params__", [])
    taken = {flag for parameter in own for flag in parameter.opts}
    options = [s for s in SETTINGS if _is_option(s) and not _is_taken(_flag(s), taken)]

    @wraps(command)
    def called(**arguments: Any) -> Any:
        texts = {setting.name: arguments.pop(setting.name) for setting in options}
        typed = {name: text for name, text in texts.items() if text is not None}
        return command(settings=_load({**os.environ, **typed, **instead}), **arguments)

    # Click lists the last parameter first: the command's own come before the settings.
    parameters: list[click.Parameter] = []
    vars(called)["__click_params__"] = parameters
    for setting in reversed(options):
        called = _option(setting)(called)
    parameters.extend(own)
    others = ", ".join(s.name for s in SETTINGS if s not in options)
    called.__doc__ = f"{command.__doc__}\n\n    Set in the environment or the file only: {others}."
    return called


def _load(environ: Mapping[str, str]) -> Settings:
    settings = load(
        environ,
        stream_names=STREAM_NAMES,
        public_streams=PUBLIC_STREAM_NAMES,
        terminal=sys.stderr.isatty(),
    )
    logs.configure(settings.log_format, settings.log_level, settings.log_level_file)
    return settings
