"""What the documents name exists, and the parts of them that are generated are current."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator

import click
import psycopg
import pytest

from exporter.cli import cli
from exporter.metrics.catalogue import catalogue
from exporter.settings import SETTINGS, Setting
from exporter.streams import STREAMS
from tests.support.documents import DOCUMENTS
from tests.support.process import ROOT, finished

ALL_TEXT = "\n".join(DOCUMENTS.values())


COMMAND = "onetrading-exporter"


METRICS = {entry.name: entry for entry in catalogue(STREAMS)}


def blocks(language: str) -> list[str]:
    """The fenced blocks of a language, in all documents."""
    return re.findall(rf"^```{language}\n(.*?)^```", ALL_TEXT, re.MULTILINE | re.DOTALL)


def statements() -> Iterator[str]:
    """Everything that a reader may type into a shell: lines of blocks, and spans of code."""
    for block in blocks("sh"):
        yield from block.replace("\\\n", " ").splitlines()
    prose = re.sub(r"^```.*?^```", "", ALL_TEXT, flags=re.MULTILINE | re.DOTALL)
    yield from re.findall(r"`([^`\n]+)`", prose)


def typed(program: str) -> list[list[str]]:
    """The arguments of every call of ``program``, without variables set before it."""
    calls = []
    for statement in statements():
        if program not in statement:
            continue
        words = shlex.split(statement, comments=True)
        while words and re.match(r"[A-Z_]+=", words[0]):
            words.pop(0)
        if words[:1] == [program]:
            calls.append(words[1:])
    return calls


def test_tables_of_the_readme_are_current() -> None:
    """Write them again with: scripts/docs"""
    checked = subprocess.run(
        [sys.executable, ROOT / "scripts" / "docs", "--check"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert (checked.returncode, checked.stderr) == (0, "")


def test_the_manual_is_current() -> None:
    """Write it again with: scripts/manual"""
    checked = finished(sys.executable, ROOT / "scripts" / "manual", "--check")
    assert (checked.returncode, checked.stderr) == (0, "")


def test_the_manual_tells_everything_and_is_well_formed() -> None:
    page = ROOT / "docs" / "man" / "onetrading-exporter.1"
    told = page.read_text("utf-8").replace("\\-", "-")
    for name in cli.list_commands(click.Context(cli)):
        assert re.search(rf"^\\fB{name}[ \\]", told, re.MULTILINE), name
    for setting in SETTINGS:
        assert f"\\fB{setting.name}\\fR" in told
    if shutil.which("groff") is None:
        pytest.skip("groff is not installed")
    shown = finished("groff", "-man", "-ww", "-Tutf8", page)
    assert (shown.returncode, shown.stderr) == (0, "")
    if shutil.which("man") is not None:
        warned = finished(
            "man", "--warnings", "-l", page, env={"PATH": os.environ["PATH"], "MANPAGER": "cat"}
        )
        assert (warned.returncode, warned.stderr) == (0, "")


def test_every_sql_block_runs(database_url: str) -> None:
    found = blocks("sql")
    assert len(found) >= 5
    with psycopg.connect(database_url) as connection:
        for block in found:
            with connection.transaction(force_rollback=True):
                connection.execute(block.encode(), prepare=False)


def test_every_command_that_is_shown_parses() -> None:
    calls = typed(COMMAND)
    assert {call[0] for call in calls if call} >= {
        *("run", "simulate", "migrate", "sync", "backfill", "status", "gaps", "check", "health"),
    }
    for call in calls:
        parse(call)


def parse(arguments: list[str]) -> None:
    """Read arguments as the command line would, and do nothing. Raises click.UsageError."""
    if arguments in ([], ["--help"], ["--version"]):
        return
    group = click.Context(cli, info_name=COMMAND)
    name, command, rest = cli.resolve_command(group, list(arguments))
    assert command is not None
    command.make_context(name, rest, parent=group)


def test_a_command_that_does_not_exist_would_be_noticed() -> None:
    for wrong in (["backfil"], ["backfill", "--stream", "trades"], ["status", "--yaml"]):
        with pytest.raises(click.UsageError):
            parse(wrong)


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {call[0] for call in typed("make") if call}
    assert {"demo", "test"} <= named <= targets


def is_setting(name: str, setting: Setting) -> bool:
    """Whether ``name`` is the setting, or one of a family of settings such as the intervals."""
    stem, family, _ = setting.name.partition("<")
    return name.startswith(stem) if family else name == setting.name


def test_every_variable_that_is_named_is_a_setting() -> None:
    named = set(re.findall(r"\b(?:ONETRADING_\w+|DATABASE_URL\w*)", ALL_TEXT))
    assert len(named) > 10
    assert [n for n in sorted(named) if not any(is_setting(n, s) for s in SETTINGS)] == []


def test_every_metric_relation_and_role_that_is_named_exists(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        found = connection.execute(
            "SELECT nspname FROM pg_namespace UNION SELECT rolname FROM pg_roles"
            " UNION SELECT nspname || '.' || relname"
            " FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace"
        ).fetchall()
    # The last is how the wheel's file is called.
    known = {name for (name,) in found} | METRICS.keys() | {"onetrading_exporter"}
    named = set(re.findall(r"\b(?:onetrading_\w+(?:\.\w+)?|reporting\.\w+)", ALL_TEXT))
    assert len(named) > 20
    assert sorted(named - known) == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_and_files_lead_somewhere(name: str) -> None:
    text = DOCUMENTS[name]
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text)
    local = [(ROOT / name).parent / link for link in links if "://" not in link]
    local += [
        ROOT / path for path in re.findall(r"`((?:exporter|scripts|docs|tests)/[\w./]+)`", text)
    ]
    assert [str(path) for path in local if not path.exists() and path.name != "STREAM.json"] == []


def test_the_reading_order_of_the_package_leads_somewhere() -> None:
    text = (ROOT / "exporter" / "__init__.py").read_text("utf-8")
    modules = re.findall(r"`([a-z_.]+)`", text)
    assert len(modules) > 5
    for module in modules:
        path = ROOT / "exporter" / module.replace(".", "/")
        assert path.with_suffix(".py").is_file(), module
