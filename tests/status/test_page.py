"""The status page in a real browser: what is seen, how it refreshes, and what it never does."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser, Page, expect, sync_playwright

from exporter.server import Pages, Server
from exporter.status import Report
from exporter.status import page as status_page
from tests.support.reports import (
    GAPPY,
    NOW,
    account,
    error,
    failing,
    hostile,
    report,
    stream,
    with_stream,
)
from tests.support.tools import tool

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LONG = "a-name-as-long-as-names-may-be-" * 2 + "ab"
LEAST_CONTRAST = 4.5
"""WCAG 2.2, 1.4.3, of normal text."""

# The contrast of each text with what is behind it, as WCAG 2.2 computes it; the worst first.
CONTRASTS = """() => {
  const channel = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const colour = (text) => text.match(/[\\d.]+/g).map(Number);
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const found = colour(getComputedStyle(node).backgroundColor);
      if (found.length < 4 || found[3] > 0) return found;
    }
    return [255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.nodeValue.trim() || !node.checkVisibility()) continue;
    if (["SCRIPT", "STYLE", "TITLE", "title"].includes(node.nodeName)) continue;
    const [a, b] = [light(colour(getComputedStyle(node).color)), light(behind(node))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    found.push([ratio, walker.currentNode.nodeValue.trim()]);
  }
  return found.sort((x, y) => x[0] - y[0]);
}"""


class Site:
    """A server whose report a test replaces, and the requests and complaints of a browser."""

    def __init__(self) -> None:
        self.report = report()
        self.broken = False
        self.server = Server(
            "127.0.0.1",
            0,
            Pages(
                metrics=lambda _accept, _encoding: (b"", []),
                healthy=lambda: (True, ""),
                ready=lambda: (True, ""),
                index=self._index,
                status=lambda: b"{}",
                content_security_policy=status_page.CONTENT_SECURITY_POLICY,
            ),
        )
        self.complaints: list[str] = []
        self.requested: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}/"

    def _index(self) -> bytes:
        if self.broken:
            raise ConnectionError("made up by a test")
        return status_page.render(self.report)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = tool("chromium", "chromium")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=FLAGS, headless=True)
        yield running
        running.close()


@pytest.fixture
def site() -> Iterator[Site]:
    served = Site()
    served.server.start()
    yield served
    served.server.stop()


@contextmanager
def visit(browser: Browser, site: Site, **how: Any) -> Iterator[Page]:
    """The page, opened; at the end there is no complaint, and no request to anywhere else."""
    settings: dict[str, Any] = {"viewport": {"width": 1200, "height": 800}} | how
    context = browser.new_context(**settings)
    page = context.new_page()
    page.on("console", lambda message: site.complaints.append(message.text))
    page.on("pageerror", lambda raised: site.complaints.append(str(raised)))
    page.on("request", lambda request: site.requested.append(request.url))
    page.clock.install()
    page.goto(site.url)
    try:
        yield page
    finally:
        context.close()
    assert site.complaints == []
    # The icon is part of the page: a data: URL sends no request.
    others = [
        url for url in site.requested if url != site.url and not url.startswith("data:image/")
    ]
    assert others == []


def faulty() -> Report:
    """Something of everything that can be wrong."""
    judged = with_stream(report(), "main", "trades", coverage=GAPPY)
    for name, change in {
        "balances": failing("timeout"),
        "positions": failing("server", freshness="withdrawn"),
    }.items():
        judged = with_stream(judged, "main", name, **change)
    judged = with_stream(judged, "hedge", "positions", **failing("permission", permitted=False))
    judged = with_stream(judged, "hedge", "balances", **failing("auth", permitted=False))
    judged = with_stream(judged, "hedge", "trades", standing_by=True, freshness="empty")
    return report(
        streams=judged.streams,
        errors=tuple(error("main", "balances", times=n) for n in range(1, 15)),
        database_up=False,
        dropped_snapshots=3,
    )


def lengthy() -> Report:
    """The longest names that settings allow, and a dozen accounts."""
    names = [f"{LONG}{n:02}" for n in range(9)]
    return report(
        accounts=tuple(account(name) for name in (*names, "public")),
        streams=tuple(
            stream(name, of, "history" if of == "funding_payments" else "snapshot", **change)
            for name in names
            for of, change in (
                ("balances", failing("rate_limited")),
                ("funding_payments", {"permitted": False, "last_error": "permission"}),
            )
        ),
        errors=(error(LONG, "funding_payments", lane="backfill", times=1_234_567),),
    )


def test_links_are_relative_and_durations_stand_beside_their_cause(
    browser: Browser, site: Site
) -> None:
    """So that the page works below a sub-path of a proxy."""
    site.report = faulty()
    with visit(browser, site) as page:
        links = [link.get_attribute("href") or "" for link in page.get_by_role("link").all()]
        ours = [link for link in links if "//" not in link]
        assert {*ours} == {"metrics", "api/status", "-/healthy", "-/ready"}
        found = page.locator(".findings li").all_inner_texts()
        (timeout,) = [text for text in found if "balances of main" in text]
        words = " ".join(timeout.split())
        assert "does not answer in time for 4 min; last good values held" in words
        assert "onetrading-exporter check" in words
        assert page.get_by_role("link", name="what to do").count() == len(found)


def test_without_javascript_the_essentials_are_there(browser: Browser, site: Site) -> None:
    site.report = faulty()
    with visit(browser, site, java_script_enabled=False) as page:
        text = page.inner_text("main")
        for essential in (
            site.report.headline,
            site.report.summary,
            *(finding.cause for finding in site.report.findings),
            *(finding.consequence or "" for finding in site.report.findings),
            "withdrawn",
            "refused",
            "held",
            "standing by",
            "2 gaps, 4 d",
            "86.6 %",
        ):
            assert essential in text
        assert page.locator("#pause").is_hidden()
        page.locator("details summary").first.click()
        assert page.get_by_text("2026-03-07 12:30:30 to 2026-03-10 12:30:30").is_visible()
        # The browser itself reloads the page, by its own clock, not by the one that the test moves.
        refresh = page.locator("noscript meta[http-equiv=refresh]")
        assert refresh.count() == 1
        assert refresh.get_attribute("content") == "10"


def test_it_shows_a_new_state_and_keeps_the_reader_s_place(browser: Browser, site: Site) -> None:
    site.report = with_stream(report(), "main", "trades", coverage=GAPPY)
    with visit(browser, site, viewport={"width": 1200, "height": 400}) as page:
        assert page.title() == "✓ All is well \N{EN DASH} onetrading-exporter"
        page.locator("details summary").click()
        page.evaluate("window.scrollTo(0, 300)")
        page.locator("details summary").focus()
        before = page.locator("details").bounding_box()
        site.report = report(streams=site.report.streams, clock_skew_seconds=9.0)
        page.clock.run_for(5_000)
        expect(page).to_have_title(re.compile(r"^!"))
        assert page.inner_text("h1") == "1 thing needs attention"
        assert "+9.000 s (exchange minus local)" in page.inner_text("dl")
        # What was added above it does not push what is being read away.
        after = page.locator("details").bounding_box()
        assert before is not None
        assert after is not None
        assert after["y"] == pytest.approx(before["y"], abs=1)
        assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
        assert page.locator("details[open]").count() == 1
        assert page.locator("link[rel=icon]").get_attribute("href") == status_icon("attention")
        site.report = report()
        page.clock.run_for(5_000)
        expect(page).to_have_title(re.compile(r"^✓"))
        assert page.locator("details").count() == 0
        assert page.locator(".findings").count() == 0


def status_icon(verdict: str) -> str:
    page = status_page.render(replace(report(), verdict=verdict)).decode()
    return page.partition('rel="icon" href="')[2].partition('"')[0]


def test_an_exporter_that_is_gone_does_not_look_well(browser: Browser, site: Site) -> None:
    with visit(browser, site) as page:
        site.broken = True
        page.clock.run_for(5_000)
        page.wait_for_selector("#lost:not([hidden])")
        assert "No response from the exporter" in page.inner_text("#lost")
        assert not page.title().startswith("✓")
        site.broken = False
        page.clock.run_for(5_000)
        page.wait_for_selector("#lost", state="hidden")
        assert page.title().startswith("✓")
        # The browser itself writes failed requests to the console.
        assert all("500" in text for text in site.complaints)
        site.complaints.clear()


def test_everything_is_reached_by_keyboard_and_updates_can_be_paused(
    browser: Browser, site: Site
) -> None:
    site.report = with_stream(report(), "main", "trades", coverage=GAPPY)
    with visit(browser, site) as page:
        reached = []
        for _ in range(12):
            page.keyboard.press("Tab")
            reached.append(page.evaluate("document.activeElement.textContent.trim()"))
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none" or reached[-1] == page.evaluate(
                "document.body.textContent.trim()"
            )
        for wanted in ("Pause", "/metrics", "2 gaps, 4 d", "/api/status", "documentation"):
            assert wanted in reached
        page.locator("#pause").focus()
        page.keyboard.press("Enter")
        assert page.inner_text("#pause") == "Resume"
        site.report = faulty()
        requested = len(site.requested)
        page.clock.run_for(20_000)
        assert page.title().startswith("✓")
        assert len(site.requested) == requested
        page.keyboard.press("Enter")
        expect(page).to_have_title(re.compile(r"^✕"))


REPORTS: list[Callable[[], Report]] = [report, faulty, lengthy, hostile]


@pytest.mark.parametrize("made", REPORTS)
def test_nothing_scrolls_sideways_and_no_text_runs(
    browser: Browser, site: Site, made: Callable[[], Report]
) -> None:
    site.report = made()
    wide = """() => [...document.body.querySelectorAll("*")]
      .filter((node) => node.checkVisibility())
      .filter((node) => node.getBoundingClientRect().right > innerWidth)
      .map((node) => node.outerHTML.slice(0, 200))"""
    with visit(browser, site) as page:
        expect(page.locator("#pause")).to_be_visible()
        assert page.locator("img").count() == 0
        for width in (320, 360, 705, 1200):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate(wide) == []
            assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("made", [report, faulty])
def test_all_text_can_be_read_in_light_and_dark(
    browser: Browser, site: Site, made: Callable[[], Report], scheme: str
) -> None:
    site.report = made()
    with visit(browser, site, color_scheme=scheme) as page:
        contrasts = page.evaluate(CONTRASTS)
        assert len(contrasts) > 60
        assert contrasts[0][0] >= LEAST_CONTRAST, contrasts[:5]
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, paper[4:-1].split(","))) > 382) == (scheme == "light")


def test_what_is_drawn_is_also_in_words(browser: Browser, site: Site) -> None:
    site.report = faulty()
    with visit(browser, site) as page:
        tree = page.locator("body").aria_snapshot()
        for text in (
            'heading "3 things are broken" [level=1]',
            "trades of main since 2026-03-01 12:30 UTC: not proven complete "
            "2026-03-07 12:30 to 2026-03-10 12:30, 2026-03-21 12:30 to 2026-03-22 12:30",
            "trades of hedge since 2026-03-01 12:30 UTC: proven complete",
            'table "Streams of main"',
            'rowheader "balances"',
            "held timeout for 4 min",
        ):
            assert text in tree
        shapes = (
            page.locator(".history tr")
            .nth(1)
            .locator("rect")
            .evaluate_all(
                "rects => rects.map((r) => [r.getAttribute('class'), r.getAttribute('height')])"
            )
        )
        assert dict(shapes) == {"fill-all": "18.0", "fill-some": "9.0", "fill-none": "3.0"}


def test_a_gap_of_a_minute_in_a_year_is_seen(browser: Browser, site: Site) -> None:
    start = NOW - timedelta(days=365)
    gap = (start + timedelta(days=100), start + timedelta(days=100, minutes=1))
    cuts = (start, *gap, NOW)
    parts = [
        replace(GAPPY.segments[0], start=a, end=b, proven=proven)
        for a, b, proven in zip(cuts, cuts[1:], ("all", "none", "all"), strict=False)
    ]
    covered = replace(GAPPY, required_from=start, settled_to=NOW, segments=tuple(parts))
    site.report = with_stream(report(), "main", "trades", coverage=covered)
    with visit(browser, site, viewport={"width": 360, "height": 800}) as page:
        box = page.locator("rect.fill-none").first.bounding_box()
        assert box is not None
        assert box["width"] >= 0.9
