"""The controls of the simulated exchange: `/_control/`, and the same calls in process."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from exporter.simulator.endpoints.faults import Faults
from exporter.simulator.endpoints.times import iso_nanos
from exporter.simulator.endpoints.truth import truth
from exporter.simulator.endpoints.wire import encode
from exporter.simulator.market.instruments import FEE_TIERS
from exporter.simulator.server.exchange import Response, SimulatedExchange

CONTROL = "/_control/"


class Control:
    """What can be done to a running exchange. Every method is thread-safe."""

    def __init__(self, exchange: SimulatedExchange) -> None:
        self._exchange = exchange

    def state(self) -> dict[str, Any]:
        """Return the simulated present, the accounts and the requests counted for each."""
        exchange = self._exchange
        with exchange.lock:
            exchange.bring_up_to_date()
            return {
                "now": iso_nanos(exchange.market.instant),
                "accounts": {
                    name: account.id for name, account in exchange.market.accounts.items()
                },
                "requests": {
                    name: {
                        "requests": meter.requests,
                        "rate_limited": meter.rejected,
                        "most_in_60_seconds": meter.most_in_a_minute,
                    }
                    for name, meter in exchange.meters.items()
                },
            }

    def set_faults(self, faults: Faults) -> None:
        """Replace the active faults."""
        with self._exchange.lock:
            self._exchange.faults = faults
            self._exchange.wrong_times = 0

    def restore(self) -> None:
        """End the faults that hide or alter rows; the other faults stay."""
        with self._exchange.lock:
            faults = self._exchange.faults
            self._exchange.faults = faults.without(
                "hidden_rate",
                "late_rate",
                "changed_rate",
                "bad_record_rate",
                "odd_record_rate",
                "unknown_enums",
            )

    def advance(self, seconds: float) -> None:
        """Let `seconds` of simulated time pass. Raises ValueError when negative."""
        with self._exchange.lock:
            self._exchange.clock.advance(seconds)
            self._exchange.bring_up_to_date()

    def truth(self, stream: str, account: str | None = None) -> Any:
        """Return every record of a stream as it is at the simulated present."""
        with self._exchange.lock:
            self._exchange.bring_up_to_date()
            return truth(self._exchange.market, stream, account)

    def override_position(
        self, account: str, *, positions: list[dict[str, Any]] | None = None, **summary: Any
    ) -> None:
        """Serve these positions and summary members; without either, end the override."""
        self._require_account(account)
        with self._exchange.lock:
            overrides = self._exchange.overrides
            overrides.summary[account] = summary
            if positions is None:
                overrides.positions.pop(account, None)
            else:
                overrides.positions[account] = positions

    def override_balance(
        self, account: str, currency: str, *, remove: bool = False, **members: Any
    ) -> None:
        """Serve these members of a currency, or leave it out; without either, end the override."""
        self._require_account(account)
        with self._exchange.lock:
            rows = self._exchange.overrides.balances.setdefault(account, {})
            if remove:
                rows[currency] = None
            elif members:
                rows[currency] = members
            else:
                rows.pop(currency, None)

    def override_fee_tier(self, account: str, tier: int | None = None) -> None:
        """Put an account into this tier of the schedule; without one, end the override."""
        self._require_account(account)
        with self._exchange.lock:
            tiers = self._exchange.overrides.fee_tiers
            if tier is None:
                tiers.pop(account, None)
            elif 0 <= tier < len(FEE_TIERS):
                tiers[account] = tier
            else:
                raise ValueError(f"tier must be from 0 to {len(FEE_TIERS) - 1}, not {tier}")

    def _require_account(self, account: str) -> None:
        if account not in self._exchange.market.accounts:
            raise ValueError(f"unknown account {account}")

    def respond(self, method: str, target: str, body: bytes) -> Response:
        """Answer one request below `/_control/`."""
        parts = urlsplit(target)
        name = parts.path.removeprefix(CONTROL)
        now = self._exchange.market.instant
        try:
            if method == "GET":
                result = self._read(name, dict(parse_qsl(parts.query)))
            else:
                result = self._write(name, json.loads(body or b"{}"))
        except LookupError as error:
            return Response(404, encode({"error": f"unknown: {error}"}), now)
        except (TypeError, ValueError) as error:
            return Response(400, encode({"error": str(error)}), now)
        return Response(200, encode(result), now)

    def _read(self, name: str, params: Mapping[str, str]) -> Any:
        if name == "state":
            return self.state()
        kind, _, stream = name.partition("/")
        if kind != "truth":
            raise LookupError(name)
        return self.truth(stream, params.get("account"))

    def _write(self, name: str, arguments: dict[str, Any]) -> Any:
        actions: dict[str, Callable[[], None]] = {
            "faults": lambda: self.set_faults(Faults.of(arguments)),
            "advance": lambda: self.advance(float(arguments["seconds"])),
            "restore": self.restore,
            "positions": lambda: self.override_position(**arguments),
            "balances": lambda: self.override_balance(**arguments),
            "fee-tier": lambda: self.override_fee_tier(**arguments),
        }
        actions[name]()
        return self.state()
