"""Every setting as a command line option, with its environment variable and default."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any

import click

from exporter import logs
from exporter.cli.command import SettingOption
from exporter.settings import NETWORK_VARIABLES, SETTINGS, Group, Setting, Settings, load
from exporter.streams import STREAMS

STREAM_NAMES = [stream.name for stream in STREAMS]
PUBLIC_STREAM_NAMES = [stream.name for stream in STREAMS if stream.public]

Function = Callable[..., Any]


def _option(setting: Setting, *, shown: bool) -> click.Option:
    return SettingOption(
        [setting.flag, *setting.flags, setting.name],
        envvar=setting.name,
        show_envvar=True,
        default=None,
        show_default=setting.default,
        metavar=setting.metavar,
        hidden=not shown,
        help=setting.help[0].upper() + setting.help[1:] + ".",
    )


def _is_taken(flag: str, taken: set[str]) -> bool:
    """Whether a command has an option of its own by this name, or nearly: `--stream` of a command
    and `--streams` beside it would be taken for each other."""
    return flag in taken or flag.removesuffix("s") in taken


def with_settings(*groups: Group) -> Callable[[Function], Function]:
    """Add all settings to a command as options; it receives them as one checked ``settings``.

    ``groups``: what its help describes, beside what matters to every command. The others count all
    the same, and stand by their names only. The command's own options win where both have the same
    name.
    """
    return lambda command: _with_settings(command, groups, {})


def with_local_settings(*groups: Group) -> Callable[[Function], Function]:
    """The same for a command that speaks to this machine only: no proxy and no certificate that the
    environment names concerns it, nor can it fail for one."""
    return lambda command: _with_settings(command, groups, dict.fromkeys(NETWORK_VARIABLES, ""))


def _with_settings(
    command: Function, groups: tuple[Group, ...], instead: Mapping[str, str]
) -> Function:
    """``instead``: variables that count as if they were set like this."""
    own: list[click.Parameter] = getattr(command, "__click_params__", [])
    taken = {flag for parameter in own for flag in parameter.opts}
    options = [s for s in SETTINGS if s.is_option and not _is_taken(s.flag, taken)]

    @wraps(command)
    def called(**arguments: Any) -> Any:
        texts = {setting.name: arguments.pop(setting.name) for setting in options}
        typed = {name: text for name, text in texts.items() if text is not None}
        settings = _load(
            {**os.environ, **typed, **instead},
            serves="server" in groups and not instead,
            # What only looks tells what it found, not what it did for it.
            log_level="info" if "log" in groups else "warning",
        )
        return command(settings=settings, **arguments)

    mattering = [s for s in SETTINGS if s.group in ("common", *groups)]
    # Click lists the last parameter first.
    vars(called)["__click_params__"] = [
        *(_option(setting, shown=setting in mattering) for setting in reversed(options)),
        *own,
    ]
    others = ", ".join(s.name for s in mattering if s not in options)
    if others:
        called.__doc__ = (
            f"{command.__doc__}\n\n    Set in the environment or the file only: {others}."
        )
    return called


def _load(environ: Mapping[str, str], *, serves: bool, log_level: str) -> Settings:
    """``serves``: whether the command stands or falls with the web config, which few others can
    even read."""
    settings = load(
        environ,
        stream_names=STREAM_NAMES,
        public_streams=PUBLIC_STREAM_NAMES,
        terminal=sys.stderr.isatty(),
        examine_web_config=_examine if serves else lambda _: None,
        log_level=log_level,
    )
    logs.configure(settings.log_format, settings.log_level, settings.log_level_file)
    return settings


def _examine(web_config: Path) -> None:
    # Most commands serve nothing: they start sooner without it.
    from exporter.server import WebConfigWatcher

    WebConfigWatcher(web_config)
