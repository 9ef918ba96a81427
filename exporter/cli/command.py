"""How a command shows itself: its own options first, then the settings, then examples."""

from __future__ import annotations

import click

PROGRAM = "onetrading-exporter"


def examples(*lines: str) -> str:
    """The end of a command's help: how it is called, without the name of the program."""
    return "\b\nExamples:\n" + "\n".join(f"  {PROGRAM} {line}" for line in lines)


class SettingOption(click.Option):
    """An option that is a setting as well, with an environment variable."""


class Command(click.Command):
    """Lists the settings apart from what only this command has."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Two lists of options instead of one."""
        own: list[tuple[str, str]] = []
        settings: list[tuple[str, str]] = []
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                (settings if isinstance(parameter, SettingOption) else own).append(record)
        for title, records in (("Options", own), ("Settings", settings)):
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)
