"""Exporter health: is what is stored what the exchange tells today, and what does nobody document?

And until when the exporter may ask: tokens and the configuration file.
"""

from __future__ import annotations

from grafana.source import looks
from grafana.source.freshness import EXPORTER, looks_like_state
from grafana.source.looks import BAD, COUNT, GOOD, PLAIN, SECONDS, SHARE, WARN, runbook
from grafana.source.metrics import grew, latest, lowest
from grafana.source.panels import lines, stat
from grafana.source.queries import Series
from grafana.source.tables import Column, table

_FINDINGS = "onetrading_verify_findings_total"
_FOUND = [runbook("OnetradingVerifyFoundChanges")]
_LAST_READ = "last usable version"
_KINDS = {"late": WARN, "changed": BAD, "vanished": BAD, "returned": PLAIN}
_TWO_WEEKS_S = 14 * 86_400


def _found(kind: str) -> str:
    """How many records of one kind, by account and stream."""
    found = latest(_FINDINGS, f'kind="{kind}"', public=True)
    return f"sum by (account, stream) ({found})"


VERIFIED = table(
    "Verification of proven history",
    "Proven history is read again in spare requests and compared: the last week daily, everything"
    " monthly. Recently read: the share of what is older than a day that was read within 32 days."
    " Late: was missing until then. Changed: came back different. Vanished: is no longer sent, and"
    " kept here. Returned: is sent again. Counted since the first start.",
    EXPORTER,
    {"account": "account", "stream": "stream"},
    Column(
        "recently read",
        latest("onetrading_verify_progress_ratio", public=True),
        SHARE,
        1,
        None,
        (WARN, ((0.95, GOOD),)),
    ),
    Column(
        "last verified",
        f"1000 * {latest('onetrading_verify_last_timestamp_seconds', public=True)}",
        looks.AGO,
    ),
    *(
        Column(kind, _found(kind), COUNT, 0, None, (PLAIN, ((1, color),)))
        for kind, color in _KINDS.items()
    ),
    links=_FOUND,
)
FOUND = lines(
    "Found by verification",
    "Records found different in each interval, by kind.",
    EXPORTER,
    Series(
        f"sum by (stream, kind) ({grew(_FINDINGS, public=True)}) > 0",
        "{{stream}} {{kind}}",
    ),
    unit=COUNT,
    decimals=0,
    bars=True,
    minimum=0,
    links=_FOUND,
)
DRIFT = table(
    "Drift, newest first",
    "Fields, values and page shapes that the exchange does not document: how many are known, and"
    " when the newest was received for the first time. `onetrading-exporter status --drift` lists"
    " them. No row: none.",
    EXPORTER,
    {"account": "account", "stream": "stream"},
    Column(
        "newest",
        f"1000 * {latest('onetrading_drift_newest_timestamp_seconds', public=True)}",
        looks.AGO,
    ),
    Column("things", f"{latest('onetrading_drift_total', public=True)} > 0", COUNT, 0),
    sort="-newest",
    links=[runbook("OnetradingDrift")],
)
TOKENS = table(
    "Expiry of the tokens",
    "As each token says of itself; one that says nothing has no row.",
    EXPORTER,
    {"account": "account"},
    Column(
        "expires", f"1000 * {lowest('onetrading_token_expiry_timestamp_seconds')}", looks.INSTANT
    ),
    Column(
        "left",
        f"{lowest('onetrading_token_expiry_timestamp_seconds')} - time()",
        SECONDS,
        0,
        None,
        (BAD, ((0, WARN), (_TWO_WEEKS_S, GOOD))),
    ),
    sort="left",
    links=[runbook("OnetradingTokenExpires")],
)
CONFIGURATION = stat(
    "Configuration file",
    "Whether the file is usable as it was read last, and how long ago a usable version of it was"
    " read. While it is not, the accounts are those of that version. No data: the accounts are in"
    " the environment.",
    EXPORTER,
    Series("min(onetrading_config_last_reload_successful)", "file"),
    Series("time() - min(onetrading_config_last_reload_success_timestamp_seconds)", _LAST_READ),
    unit=COUNT,
    words={"1": ("usable", GOOD), "0": ("refused", BAD)},
    links=[runbook("OnetradingConfigReloadFailed")],
).override_by_name(_LAST_READ, looks_like_state(PLAIN))
