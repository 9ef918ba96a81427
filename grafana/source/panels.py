"""The kinds of panel that show metrics, but for tables.

Each says what it means and how old its numbers are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import ascii_uppercase

from grafana_foundation_sdk.builders import common as build_common
from grafana_foundation_sdk.builders import stat as build_stat
from grafana_foundation_sdk.builders import statetimeline as build_states
from grafana_foundation_sdk.builders import timeseries as build_lines
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import common

from grafana.source import freshness, looks
from grafana.source.descriptions import of_metrics
from grafana.source.freshness import AGE, AGE_REF, DATA_AGE, STALE, Source
from grafana.source.queries import PROMETHEUS, Series


def lines(
    title: str,
    meaning: str,
    source: Source,
    *series: Series,
    unit: str,
    decimals: int | None = None,
    bars: bool = False,
    mixed: bool = False,
    log: bool = False,
    steps: tuple[str, looks.Steps] | None = None,
    minimum: float | None = None,
    maximum: float | None = None,
    links: looks.Links = (),
) -> build_lines.Panel:
    """Values over time, with the age of the data as a dashed line on an axis of its own.

    ``bars``: for amounts of an interval; stacked, unless ``mixed``: of several currencies, which
    never add up. ``steps`` are drawn as lines.
    """
    panel = graph(
        title,
        unit,
        source.calm_s,
        decimals=decimals,
        bars=bars,
        mixed=mixed,
        log=log,
        minimum=minimum,
    )
    panel.datasource(PROMETHEUS).links(list(links))
    panel.description(of_metrics(meaning, (one.expression for one in series), source.caption))
    panel.targets(_queries(series, Series(source.oldest(), DATA_AGE)))
    if maximum is not None:
        panel.max(maximum)
    if steps is not None:
        drawn = build_common.GraphThresholdsStyleConfig()
        panel.thresholds(looks.thresholds(steps[0], *steps[1]))
        panel.thresholds_style(drawn.mode(common.GraphThresholdsStyleMode.DASHED))
    return panel


def _queries(
    series: Sequence[Series], age: Series | None = None, *, instant: bool = False
) -> list[Builder[Dataquery]]:
    queries: list[Builder[Dataquery]] = [
        one.query(ref, instant=instant) for ref, one in zip(ascii_uppercase, series, strict=False)
    ]
    if age is None:
        return queries
    last = age.query(AGE_REF, instant=instant)
    # On a graph it comes first: at the end of a long legend nobody would see it.
    return [*queries, last] if instant else [last, *queries]


def graph(
    title: str,
    unit: str,
    calm_s: float,
    *,
    decimals: int | None = None,
    bars: bool = False,
    mixed: bool = False,
    log: bool = False,
    minimum: float | None = None,
) -> build_lines.Panel:
    """A time series panel without queries, to hold one named DATA_AGE; ``calm_s``: see Source."""
    legend = build_common.VizLegendOptions().show_legend(True).calcs(["lastNotNull"])
    # Below the graph a third of its height is all there is: the fourth line would be cut.
    legend.display_mode(common.LegendDisplayMode.TABLE).placement(common.LegendPlacement.RIGHT)
    tooltip = build_common.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI)
    panel = build_lines.Panel().title(title).unit(unit).legend(legend).line_width(1)
    panel.tooltip(tooltip.sort(common.SortOrder.DESCENDING)).show_points(
        common.VisibilityMode.NEVER
    )
    if decimals is not None:
        panel.decimals(decimals)
    if minimum is not None:
        panel.min(minimum)
    if bars:
        panel.draw_style(common.GraphDrawStyle.BARS).fill_opacity(25 if mixed else 70)
    if bars and not mixed:
        panel.stacking(build_common.StackingConfig().mode(common.StackingMode.NORMAL).group("A"))
    if log:
        scale = build_common.ScaleDistributionConfig().type(common.ScaleDistribution.LOG)
        panel.scale_distribution(scale.log(10))
    return panel.override_by_name(DATA_AGE, freshness.looks_like_age(calm_s))


def stat(
    title: str,
    meaning: str,
    source: Source,
    *series: Series,
    unit: str,
    decimals: int | None = None,
    steps: tuple[str, looks.Steps] = (looks.PLAIN, ()),
    words: Mapping[str, tuple[str, str]] | None = None,
    links: looks.Links = (),
) -> build_stat.Panel:
    """Current values, with their age as the last one; red and named stale when it is too high.

    Each series has a name of its own or is the one that `topk` picks: a value for each account or
    currency is unreadable with ten of them, and belongs into a table.
    """
    if unbounded := [one.legend for one in series if not one.single]:
        raise ValueError(f"{title}: as many values as there are of {unbounded}: make it a table")
    age = Series(source.judged(), "{{state}}")
    panel = big(title, unit, decimals=decimals, steps=steps, words=words)
    panel.datasource(PROMETHEUS).links(list(links))
    panel.description(of_metrics(meaning, (one.expression for one in series), source.caption))
    panel.targets(_queries(series, age, instant=True))
    panel.override_by_name(AGE, freshness.looks_like_state(looks.PLAIN))
    return panel.override_by_name(STALE, freshness.looks_like_state(looks.BAD))


def big(
    title: str,
    unit: str,
    *,
    decimals: int | None = None,
    steps: tuple[str, looks.Steps] = (looks.PLAIN, ()),
    words: Mapping[str, tuple[str, str]] | None = None,
    fields: str = "",
) -> build_stat.Panel:
    """A stat panel without queries. ``fields``: a regular expression; empty: all numbers."""
    reduced = build_common.ReduceDataOptions().calcs(["lastNotNull"]).fields(fields).values(False)
    panel = build_stat.Panel().title(title).unit(unit).reduce_options(reduced).no_value("no data")
    panel.color_mode(common.BigValueColorMode.VALUE).graph_mode(common.BigValueGraphMode.NONE)
    panel.text_mode(common.BigValueTextMode.VALUE_AND_NAME)
    panel.orientation(common.VizOrientation.AUTO).wide_layout(False)
    # By itself the longest value sets the size of all, down to what nobody can read.
    panel.text(build_common.VizTextDisplayOptions().title_size(14).value_size(22))
    panel.thresholds(looks.thresholds(steps[0], *steps[1]))
    if decimals is not None:
        panel.decimals(decimals)
    if words is not None:
        panel.mappings(looks.words(words))
    return panel


def states(
    title: str,
    meaning: str,
    source: Source,
    *series: Series,
    words: Mapping[str, tuple[str, str]],
    links: looks.Links = (),
) -> build_states.Panel:
    """States over time. Where the data end, so does the line: its end is their age."""
    legend = build_common.VizLegendOptions().show_legend(True)
    legend.display_mode(common.LegendDisplayMode.LIST).placement(common.LegendPlacement.BOTTOM)
    panel = build_states.Panel().title(title).datasource(PROMETHEUS).legend(legend)
    panel.links(list(links)).mappings(looks.words(words)).unit(looks.COUNT)
    panel.thresholds(looks.thresholds(looks.PLAIN)).fill_opacity(80).line_width(0)
    panel.show_value(common.VisibilityMode.NEVER).merge_values(True).row_height(0.8)
    panel.description(of_metrics(meaning, (one.expression for one in series), source.caption))
    return panel.targets(_queries(series))
