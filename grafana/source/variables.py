"""The variables at the top of a dashboard."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard

from grafana.source.queries import POSTGRES, PROMETHEUS, STATEMENTS

Variable = Builder[dashboard.VariableModel]
_ALL = dashboard.VariableOption(selected=True, text=["All"], value=["$__all"])


def prometheus() -> Variable:
    """The data source of all metrics."""
    found = build.DatasourceVariable("prometheus").label("Prometheus").type("prometheus")
    return found.description("Where the exporter's metrics are.")


def postgres() -> Variable:
    """The data source of all SQL."""
    found = build.DatasourceVariable("postgres").label("Postgres")
    found.type("grafana-postgresql-datasource")
    return found.description(
        "Where the exporter stores history; its user is a member of onetrading_reader."
    )


def account() -> Variable:
    """Configured accounts, several or all."""
    labels = 'label_values(onetrading_sync_success{account!="public"}, account)'
    return _of_metrics("account", "Account", labels, "Accounts by their configured name.")


def account_in_postgres() -> Variable:
    """The same, of those whose history is in Postgres."""
    found = _many("account", "Account", "Accounts by their configured name.").datasource(POSTGRES)
    return found.query(STATEMENTS["accounts"])


def currency() -> Variable:
    """Currencies that the chosen accounts hold; a panel repeats for each."""
    labels = 'label_values(onetrading_balance_available{account=~"$account"}, currency)'
    return _of_metrics(
        "currency", "Currency", labels, "Amounts of different currencies are never added."
    )


def currency_in_postgres() -> Variable:
    """Currencies of fees and funding; a panel repeats for each."""
    found = _many(
        "currency",
        "Currency",
        "Of the monthly graphs; amounts of different currencies are never added.",
    )
    return found.datasource(POSTGRES).query(STATEMENTS["currencies"])


def quote_currency_in_postgres() -> Variable:
    """A currency of what was traded and paid lately. One alone: results cost more than sums."""
    found = build.QueryVariable("currency").label("Result in").datasource(POSTGRES)
    found.description("Of the results; amounts of different currencies are never added.")
    found.multi(False).include_all(False).sort(dashboard.VariableSort.NATURAL_ASC)
    found.refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED)
    return found.query(STATEMENTS["quote_currencies"])


def instrument() -> Variable:
    """All markets."""
    labels = "label_values(onetrading_instrument_info, instrument)"
    return _of_metrics("instrument", "Instrument", labels, "Markets.")


def futures() -> Variable:
    """Markets in which there can be a position."""
    labels = 'label_values(onetrading_instrument_info{kind!="SPOT"}, instrument)'
    return _of_metrics("instrument", "Instrument", labels, "Futures markets.")


def month() -> Variable:
    """A month of the business zone, the last one that is over first."""
    found = build.QueryVariable("month").label("Month").datasource(POSTGRES)
    found.description(
        "The month that the tables are about, in the zone of ONETRADING_BUSINESS_ZONE."
    ).multi(False)
    found.include_all(False).refresh(dashboard.VariableRefresh.ON_DASHBOARD_LOAD)
    return found.sort(dashboard.VariableSort.DISABLED).query(STATEMENTS["months"])


def _of_metrics(name: str, label: str, query: str, description: str) -> Variable:
    found = _many(name, label, description).datasource(PROMETHEUS)
    return found.query({"query": query, "qryType": 1, "refId": name})


def _many(name: str, label: str, description: str) -> build.QueryVariable:
    """Several or all. No value of its own for all: the list of all is right in SQL, too."""
    found = build.QueryVariable(name).label(label).description(description).multi(True)
    found.include_all(True).current(_ALL).sort(dashboard.VariableSort.NATURAL_ASC)
    return found.refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED)
