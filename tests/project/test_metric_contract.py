"""The metrics that others rely on keep their names and labels."""

from __future__ import annotations

import re

import pytest

from exporter.metrics.catalogue import catalogue, domain_metrics
from exporter.streams import STREAMS

METRICS = {entry.name: entry for entry in catalogue(STREAMS)}


# What others rely on: family and labels of each stream, in the words of the public contract.
CONTRACT = {
    "balances": """
        onetrading_balance_available account currency
        onetrading_balance_locked account currency
        onetrading_balance_changed_timestamp_seconds account currency
        onetrading_account_equity account
        onetrading_account_margin_available account
        onetrading_account_margin_used account
    """,
    "portfolio": """
        onetrading_futures_equity account
        onetrading_futures_margin_used account
        onetrading_futures_margin_available account
        onetrading_futures_maintenance_margin account
        onetrading_futures_account_ratio account
    """,
    "positions": """
        onetrading_positions_open account
        onetrading_position_open_volume account instrument direction
        onetrading_position_open_notional account instrument direction
        onetrading_position_maintenance_margin account instrument direction
        onetrading_position_last_settlement account instrument direction
        onetrading_position_mark_price account instrument direction
        onetrading_position_net_volume account instrument
    """,
    "funding_rates": """
        onetrading_funding_rate instrument
        onetrading_mark_price instrument
        onetrading_funding_rate_timestamp_seconds instrument
    """,
    "tickers": """
        onetrading_next_funding_timestamp_seconds instrument
        onetrading_last_price instrument
        onetrading_bid_price instrument
        onetrading_ask_price instrument
        onetrading_volume_24h_base instrument
        onetrading_volume_24h_quote instrument
    """,
    "instruments": """
        onetrading_instrument_info instrument base quote kind
        onetrading_instrument_active instrument
    """,
    "orders": """
        onetrading_orders_open account instrument side
        onetrading_order_open_base account instrument side
    """,
    "trades": """
        onetrading_trades_total account instrument side liquidity
        onetrading_traded_base_total account instrument side liquidity
        onetrading_traded_quote_total account instrument side liquidity
        onetrading_trade_fees_paid_total account instrument currency
        onetrading_trade_rebates_received_total account instrument currency
        onetrading_last_trade_timestamp_seconds account instrument
    """,
    "funding_payments": """
        onetrading_funding_paid_total account instrument
        onetrading_funding_received_total account instrument
    """,
    "account_fees": """
        onetrading_fee_tier_maker_ratio account fee_group
        onetrading_fee_tier_taker_ratio account fee_group
        onetrading_fee_running_volume account fee_group
    """,
    "closed_positions": """
        onetrading_positions_closed_total account instrument
        onetrading_realised_pnl_gained_total account instrument
        onetrading_realised_pnl_lost_total account instrument
    """,
    "": """
        onetrading_sync_success account stream
        onetrading_sync_last_success_timestamp_seconds account stream
        onetrading_sync_interval_seconds account stream
        onetrading_sync_permitted account stream
        onetrading_sync_duration_seconds account stream
        onetrading_sync_errors_total account stream reason
        onetrading_rows_written_total account stream operation
        onetrading_rows_rejected_total account stream
        onetrading_coverage_lag_seconds account stream
        onetrading_coverage_gap_seconds account stream
        onetrading_scopes_refused account stream
        onetrading_backfill_progress_ratio account stream
        onetrading_reconciliation_difference account check key
        onetrading_month_unclosed_end_timestamp_seconds account
        onetrading_late_facts_in_locked_months account
        onetrading_api_requests_total account endpoint code
        onetrading_api_request_duration_seconds endpoint
        onetrading_api_wait_seconds_total account
        onetrading_api_budget_remaining account
        onetrading_database_up
        onetrading_exporter_leader account
        onetrading_exporter_build_info
        onetrading_token_scope account scope
    """,
}


@pytest.mark.parametrize("stream", ["", *(stream.name for stream in STREAMS)])
def test_the_metrics_that_others_rely_on_keep_their_names_and_labels(stream: str) -> None:
    for line in CONTRACT.get(stream, "").split("\n"):
        if line.strip():
            name, *labels = line.split()
            assert name in METRICS
            assert set(labels) <= set(METRICS[name].labels), name
            assert name == "onetrading_exporter_build_info" or len(labels) == len(
                METRICS[name].labels
            )


def test_help_says_that_values_are_polled() -> None:
    """Not fetched by the scrape: they are as old as onetrading_sync_age_seconds says."""
    sources = {
        name: found[1]
        for name, metric in domain_metrics(STREAMS).items()
        if (found := re.search(r"\(polled from ([a-z/-]+)", metric.help))
    }
    assert sources.keys() == domain_metrics(STREAMS).keys()
