"""Every command in the documents is run; those that cannot run here are listed, with a reason."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Callable, Iterator, Mapping
from configparser import ConfigParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.settings import load
from exporter.streams import STREAMS
from tests.support.alerts import ALERTS
from tests.support.document_runner import NOT_RUN, Call, DocumentRunner, document_runner
from tests.support.documents import DOCUMENTS, LANGUAGES, Block, blocks
from tests.support.postgres import fresh_database
from tests.support.process import ROOT, Run
from tests.support.tools import tool


@pytest.fixture(scope="module")
def prepared(
    tmp_path_factory: pytest.TempPathFactory, postgres_url: str, migrated_template: str
) -> Iterator[tuple[DocumentRunner, Run]]:
    with (
        fresh_database(postgres_url, migrated_template) as url,
        document_runner(tmp_path_factory.mktemp("reader"), url) as found,
    ):
        yield found


def shown(block: Block, name: str) -> str:
    """The value of an option that a block gives, such as the image that it builds."""
    found = re.search(rf"{name}[ =](\S+)", block.text)
    assert found, f"{block}: no {name}"
    return found[1]


def docker(arguments: tuple[str, ...]) -> None:
    """The files exist, and the image that is run is one that a document builds."""
    if arguments[0] == "build":
        assert (ROOT / arguments[-1] / "Dockerfile").is_file()
    elif arguments[0] == "compose":
        assert (ROOT / "compose.yaml").is_file()
        assert arguments[1] in ("up", "down", "logs", "exec", "ps", "build", "config", "kill")
    elif arguments[0] == "run":
        built = {shown(block, "-t") for block in blocks("sh") if "docker build" in block.text}
        assert built & set(arguments)
    else:
        assert arguments[0] in ("exec", "kill", "logs", "stop")


def helm(arguments: tuple[str, ...]) -> None:
    """The chart and its files of values exist, and each value that is set is one of its own."""
    chart = ROOT / "helm" / "onetrading-exporter"
    for argument in arguments:
        if "/" in argument and "=" not in argument and "://" not in argument:
            assert (ROOT / argument).exists(), argument
    values: Mapping[str, Any] = yaml.safe_load((chart / "values.yaml").read_text())
    given = [value for name, value in pairwise(arguments) if name.startswith("--set")]
    for key in (part.partition("=")[0] for text in given for part in text.split(",")):
        assert re.split(r"[.\[]", key)[0] in values, f"no value of the chart: {key}"


def pytest_files(arguments: tuple[str, ...]) -> None:
    """The named tests exist."""
    for argument in arguments:
        if argument.startswith("tests/"):
            assert (ROOT / argument.partition("::")[0]).is_file(), argument


def sudo(arguments: tuple[str, ...]) -> None:
    """The named files of the checkout exist."""
    for argument in arguments:
        if argument.endswith(".txt"):
            assert (ROOT / argument).is_file(), argument


def amtool(arguments: tuple[str, ...]) -> None:
    """It silences an alert that exists, for a limited time and with a reason."""
    assert arguments[:2] == ("silence", "add")
    given = dict(argument.removeprefix("--").split("=", 1) for argument in arguments[2:])
    assert given.keys() >= {"alertmanager.url", "duration", "comment"}
    assert given["alertname"] in ALERTS


CHECKS: Mapping[str, Callable[[tuple[str, ...]], None]] = {
    "amtool": amtool,
    "docker": docker,
    "helm": helm,
    ".venv/bin/python -m pytest": pytest_files,
    "sudo": sudo,
}


@pytest.mark.parametrize("block", blocks("sh"), ids=str)
def test_a_block_of_commands_runs(block: Block, prepared: tuple[DocumentRunner, Run]) -> None:
    for name in ("curl", "jq", "psql"):
        if re.search(rf"\b{name} ", block.text):
            tool(name, {"psql": "postgresql-client"}.get(name, name))
    done = prepared[0].run(block)
    assert done.code == 0, f"{block}\n{block.text}\n{done.output[-3000:]}"
    assert "command not found" not in done.output
    for call in done.not_run:
        assert call.program in NOT_RUN
        if call.program in CHECKS:
            CHECKS[call.program](call.arguments)


def test_what_is_wrong_would_be_noticed(prepared: tuple[DocumentRunner, Run]) -> None:
    """An unknown program or option, a file that is not there, a failure before the last command."""
    made = prepared[0]
    for text in (
        "frobnicate --now\n",
        "onetrading-exporter status --yaml\necho fine\n",
        "make no-such-target\n",
        "cat no-such-file | sort\n",
        "onetrading-exporter run --listen nonsense\n",
    ):
        assert made.run(Block("here", 1, "sh", text)).code != 0, text
    noted = made.run(Block("here", 1, "sh", "docker compose 'up  now' \\\n  --build\n"))
    assert noted.not_run == [Call("docker", ("compose", "up  now", "--build"))]
    for wrong in (("install", "x", "helm/nothing"), ("install", "x", "--set", "nothing=1")):
        with pytest.raises(AssertionError):
            helm(wrong)
    with pytest.raises(AssertionError):
        pytest_files(("tests/test_nothing.py",))


def test_each_program_that_is_not_run_is_in_a_document() -> None:
    """The table has no unused entry."""
    text = "\n".join(block.text for block in blocks("sh"))
    assert [program for program in NOT_RUN if program not in text] == []


def test_each_block_says_what_it_is() -> None:
    assert len(DOCUMENTS) > 10
    assert {block.language for block in blocks()} <= LANGUAGES
    for document, text in DOCUMENTS.items():
        assert len(re.findall("^ *```", text, re.MULTILINE)) % 2 == 0, document
        assert not re.search(r"^\t+```|^ *~~~", text, re.MULTILINE), document


@pytest.mark.parametrize("block", blocks("toml", "yaml", "ini", "json"), ids=str)
def test_a_block_of_configuration_can_be_read(
    block: Block, prepared: tuple[DocumentRunner, Run], tmp_path: Path
) -> None:
    made = prepared[0]
    if block.language == "toml":
        assert tomllib.loads(block.text)
        file = tmp_path / "exporter.toml"
        file.write_text(made.here(block.text))
        load({"ONETRADING_CONFIG": str(file)}, stream_names=[stream.name for stream in STREAMS])
    elif block.language == "ini":
        parser = ConfigParser(strict=False, interpolation=None)
        parser.read_string(block.text)
        assert parser.sections()
    else:
        assert list(yaml.safe_load_all(block.text))


def test_shell_blocks_are_what_a_shell_reads() -> None:
    for block in blocks("sh"):
        read = subprocess.run(
            ["/bin/bash", "-n", "-c", block.text], capture_output=True, text=True, check=False
        )
        assert (read.returncode, read.stderr) == (0, ""), str(block)
