"""How a command shows itself: its own options first, then the settings, then examples."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping

import click

PROGRAM = "onetrading-exporter"

_EXAMPLE_WIDTH = 73
"""With the indent and a backslash it fits a terminal of 80 columns."""
_LEFT_COLUMN = 24
"""Options with longer names have a line of their own, and their texts more room."""

_OTHERS = "Other settings, which every command takes too (docs/configure.md, the man page)"
_INSTEAD: Mapping[str, str] = {
    "--account": "It chooses among the accounts, and here there is nothing to choose. The single"
    " account is named by --account-name, or ONETRADING_ACCOUNT.",
    "--stream": "What is read is chosen by --streams, or ONETRADING_STREAMS.",
    "--streams": "Here it is --stream NAME, repeated for several; ONETRADING_STREAMS counts, too.",
}
"""What to write where a command has no such option, though others do."""


def examples(*lines: str) -> str:
    """The end of a command's help: how it is called, without the name of the program."""
    return "\b\nExamples:\n" + "\n".join(_broken(f"{PROGRAM} {line}") for line in lines)


def _broken(line: str) -> str:
    """A line of a shell, continued before an option where it is too long."""
    shown = [""]
    for part in re.split(r" (?=--)", line):
        if shown[-1] and len(shown[-1]) + len(part) > _EXAMPLE_WIDTH:
            shown.append(f"    {part}")
        else:
            shown[-1] += f" {part}" if shown[-1] else part
    return " \\\n".join(f"  {text}" for text in shown)


class SettingOption(click.Option):
    """An option that is a setting as well, with an environment variable."""

    def get_help_extra(self, ctx: click.Context) -> click.types.OptionHelpExtra:
        """What stands in brackets; the default without click's parentheses around a text."""
        extra = super().get_help_extra(ctx)
        if isinstance(self.show_default, str):
            extra["default"] = self.show_default
        return extra


class Command(click.Command):
    """Lists the settings apart from what only this command has, and those that matter to others by
    their names alone."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Two lists of options instead of one."""
        own: list[tuple[str, str]] = []
        settings: list[tuple[str, str]] = []
        others: list[str] = []
        for parameter in self.get_params(ctx):
            if isinstance(parameter, click.Argument):
                continue  # the line of usage names it, and the text above says what it is
            is_setting = isinstance(parameter, SettingOption)
            record = parameter.get_help_record(ctx)
            if record is not None:
                (settings if is_setting else own).append(record)
            elif is_setting:
                others.append(parameter.opts[0])
        for title, records in (("Options", own), ("Settings", settings)):
            if records:
                with formatter.section(title):
                    formatter.write_dl(records, col_max=_LEFT_COLUMN)
        if others:
            told = f"{_OTHERS}: {', '.join(others)}."
            formatter.write_paragraph()
            # click would break a line within an option, at its hyphen.
            lines = textwrap.wrap(told, max(formatter.width, 11), break_on_hyphens=False)
            formatter.write("\n".join(lines) + "\n")

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does, with what to write instead of an option of other commands."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            instead = _INSTEAD.get(error.option_name)
            if instead is None:
                raise
            raise click.UsageError(f"No such option: {error.option_name}. {instead}", ctx) from None
