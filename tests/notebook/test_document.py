"""The Python of the documents does what they say, typed as it stands."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from exporter.simulator import Simulator
from tests.support.documents import DOCUMENTS, Block, blocks
from tests.support.process import ROOT, process_environment
from tests.support.steady import steadily

NOW = datetime.now(UTC).replace(microsecond=0)
FROM, TO = (str((NOW - timedelta(days=days)).date()) for days in (3, 1))


def typed(block: Block, token: Path, settings: Mapping[str, str]) -> list[str]:
    """What a block prints where its names stand for what exists here."""
    text = block.text
    examples = {"2026-03-01": FROM, "2026-04-01": TO, "/etc/onetrading/token": str(token)}
    for example, here in examples.items():
        text = text.replace(example, here)
    run = [sys.executable, "-W", "error", "-c", text]
    done = subprocess.run(
        run,
        cwd=ROOT,
        env=process_environment(settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), f"{block}\n{done.stderr}"
    return done.stdout.splitlines()


def fees(exchange: Simulator) -> dict[str, Decimal]:
    """The fees of the range in the examples, by other arithmetic."""
    paid: dict[str, Decimal] = {}
    for record in exchange.truth("trades", "main"):
        if FROM <= record["trade"]["time"][:10] < TO:
            fee = record["fee"]
            currency = fee["fee_currency"]
            paid[currency] = paid.get(currency, Decimal()) + Decimal(fee["fee_amount"])
    return paid


def test_the_examples_do_what_they_say(tmp_path: Path) -> None:
    with Simulator(history_days=4) as exchange:
        token = tmp_path / "token"
        token.write_text(exchange.tokens["main"])
        settings = {
            "ONETRADING_BASE_URL": exchange.base_url,
            "ONETRADING_REQUESTS_PER_MINUTE": "1000000",
            "ONETRADING_API_TOKEN_FILE": str(token),
        }
        first, resumed = (block for block in blocks("python") if "notebook" in block.document)
        assert len(first.text.strip().splitlines()) <= 12
        told, balances = steadily(exchange, lambda: typed(first, token, settings))
        expected = fees(exchange)
        assert len(expected) > 1
        shown = eval(told[0].removeprefix("fees "), {"Decimal": Decimal})  # noqa: S307
        assert shown == expected
        assert told[1] == "complete True"
        assert told[2:] == [
            f"{one['currency_code']} {one['available']} {one['locked']}" for one in balances
        ]
        count = sum(
            FROM <= record["trade"]["time"][:10] < TO for record in exchange.truth("trades", "main")
        )
        assert typed(resumed, token, settings) == [f"{count} trades"]


def test_the_document_names_every_method() -> None:
    from exporter.notebook import AccountReader

    text = DOCUMENTS["docs/notebook.md"]
    methods = [name for name in vars(AccountReader) if not name.startswith("_")]
    quiet = {"close", "account_id"}
    assert [name for name in methods if f"`{name}(" not in text and name not in quiet] == []


def test_no_python_of_a_document_is_left_out() -> None:
    assert {block.document for block in blocks("python")} == {"docs/notebook.md"}


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_the_python_of_a_document_is_python(block: Block) -> None:
    compile(block.text, str(block), "exec")
