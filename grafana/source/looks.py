"""How values look: thresholds, mappings, links. A color has one meaning everywhere."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import dashboard

GOOD, WARN, BAD, PLAIN = "green", "orange", "red", "text"

MONEY = "locale"
"""Thousands separated, no currency: the exchange names none, or a label does."""
SHARE = "percentunit"
SECONDS = "s"
COUNT = "none"
RATIO = "none"
AGO = "dateTimeFromNow"
INSTANT = "dateTimeAsIso"
NOTHING = "-"
"""What stands for null."""

_PROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"
REPOSITORY: str = tomllib.loads(_PROJECT.read_text("utf-8"))["project"]["urls"]["Repository"]

Steps = tuple[tuple[float, str], ...]
Links = Sequence[build.DashboardLink]


def thresholds(base: str, *steps: tuple[float, str]) -> build.ThresholdsConfig:
    """``base`` below the first step; each step is a value and the color from there on."""
    found = [dashboard.Threshold(None, base)]
    found += [dashboard.Threshold(value, color) for value, color in steps]
    return build.ThresholdsConfig().mode(dashboard.ThresholdsMode.ABSOLUTE).steps(found)


def words(meaning: Mapping[str, tuple[str, str]]) -> list[dashboard.ValueMapping]:
    """A text and a color for each value."""
    return [
        dashboard.ValueMap(
            {
                value: dashboard.ValueMappingResult(text=text, color=color, index=index)
                for index, (value, (text, color)) in enumerate(meaning.items())
            }
        )
    ]


def nothing() -> dashboard.ValueMapping:
    """A dash for what is not known, in no color: a color judges."""
    return dashboard.SpecialValueMap(
        dashboard.DashboardSpecialValueMapOptions(
            match=dashboard.SpecialValueMatch.NULL,
            result=dashboard.ValueMappingResult(text=NOTHING, color=PLAIN, index=99),
        )
    )


YES_IS_GOOD = {"1": ("yes", GOOD), "0": ("no", BAD)}
YES_IS_BAD = {"0": ("no", GOOD), "1": ("yes", BAD)}


def link(title: str, path: str) -> build.DashboardLink:
    """A link to a document of the repository."""
    url = f"{REPOSITORY}/blob/main/{path}"
    found = build.DashboardLink(title).type(dashboard.DashboardLinkType.LINK).url(url)
    return found.icon("doc").tooltip(title).target_blank(True)


def runbook(alert: str) -> build.DashboardLink:
    """What to do when the alert on this number fires."""
    return link(f"Runbook: {alert}", f"docs/runbooks/{alert}.md")
