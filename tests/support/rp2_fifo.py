"""FIFO by rp2, a tax calculator, as the tests of lots need it.

Importing rp2 makes a directory for its log in the current one: import this in a temporary one only.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from prezzemolo.avl_tree import AVLTree
from rp2.abstract_country import AbstractCountry
from rp2.accounting_engine import AccountingEngine
from rp2.configuration import Configuration
from rp2.in_transaction import InTransaction
from rp2.input_data import InputData
from rp2.out_transaction import OutTransaction
from rp2.plugin.accounting_method.fifo import AccountingMethod
from rp2.rp2_decimal import RP2Decimal
from rp2.tax_engine import compute_tax
from rp2.transaction_set import TransactionSet

from tests.support.lots import Trade

_HEADERS = {
    "in_header": "timestamp asset exchange holder transaction_type spot_price crypto_in crypto_fee"
    " fiat_in_no_fee fiat_in_with_fee fiat_fee unique_id notes",
    "out_header": "timestamp asset exchange holder transaction_type spot_price crypto_out_no_fee"
    " crypto_fee crypto_out_with_fee fiat_out_no_fee fiat_fee unique_id notes",
    "intra_header": "timestamp asset from_exchange from_holder to_exchange to_holder spot_price"
    " crypto_sent crypto_received unique_id notes",
}


class Nowhere(AbstractCountry):
    """A country without rules of its own."""

    def get_long_term_capital_gain_period(self) -> int:
        return 365

    def get_default_accounting_method(self) -> str:
        return "fifo"

    def get_accounting_methods(self) -> set[str]:
        return {"fifo"}

    def get_report_generators(self) -> set[str]:
        return set()

    def get_default_generation_language(self) -> str:
        return "en"


def configured(folder: Path) -> Configuration:
    """One asset, one exchange, one holder; rp2 reads it from a file."""
    path = folder / "rp2.ini"
    sections = ["[general]\nassets = BTC\nexchanges = X\nholders = H\n"]
    for name, columns in _HEADERS.items():
        numbered = (f"{column} = {n}" for n, column in enumerate(columns.split()))
        sections.append(f"[{name}]\n" + "\n".join(numbered) + "\n")
    path.write_text("\n".join(sections))
    return Configuration(str(path), Nowhere("generic", "eur"))


def pieces(configuration: Configuration, trades: list[Trade]) -> list[Any]:
    """Disposal, lot, quantity and gain of each piece."""
    sets = {kind: TransactionSet(configuration, kind, "BTC") for kind in ("IN", "OUT", "INTRA")}
    for row, trade in enumerate(trades, 1):
        common = (configuration, trade.at.isoformat(), "BTC", "X", "H")
        price, amount = RP2Decimal(str(trade.price)), RP2Decimal(str(trade.amount))
        of: dict[str, Any] = {"row": row, "unique_id": str(trade.trade_id)}
        if trade.side == "BUY":
            sets["IN"].add_entry(InTransaction(*common, "BUY", price, amount, **of))
        else:
            zero = RP2Decimal("0")
            sets["OUT"].add_entry(OutTransaction(*common, "SELL", price, amount, zero, **of))
    methods: AVLTree[int, Any] = AVLTree()
    methods.insert_node(2026, AccountingMethod())
    data = InputData("BTC", sets["IN"], sets["OUT"], sets["INTRA"])
    computed = compute_tax(configuration, AccountingEngine(methods), data)
    found: Any = computed.gain_loss_set
    identity = [(p.taxable_event.unique_id, p.acquired_lot.unique_id) for p in found]
    amounts = [(Decimal(p.crypto_amount), Decimal(p.fiat_gain)) for p in found]
    return [(UUID(a), UUID(b), *of) for (a, b), of in zip(identity, amounts, strict=True)]
