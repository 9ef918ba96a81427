"""Screenshots of dashboards: the page in Chromium, at the size that it needs, as small PNGs."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from playwright.sync_api import Locator, Page, sync_playwright

_DRAWN_MS = 30_000
_SETTLE_MS = 1_500
_CUT = """board => [...board.querySelectorAll("section")].flatMap(section => {
    const title = (section.dataset.testid || "").split("Panel header ").pop();
    const scrolls = part => ["auto", "scroll"].includes(getComputedStyle(part).overflowY);
    const parts = found => [...section.querySelectorAll(found)].filter(part => part.clientWidth);
    const legends = parts('[data-testid*="legend" i] *').filter(scrolls);
    const cut = legends.some(part => part.scrollHeight > part.clientHeight + 2);
    const narrow = parts('[role="columnheader"] *')
        .filter(part => part.scrollWidth > part.clientWidth + 2).map(part => part.textContent);
    return [
        ...(cut ? [`${title}: the legend is cut`] : []),
        ...new Set(narrow.map(name => `${title}: the heading ${name} is cut`)),
    ];
})"""
"""What a reader would have to scroll to, or could not read."""


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def take(
    built: Path, evaluated: Mapping[str, dict[str, Any]], into: Path, *, theme: str, width: int
) -> Iterator[tuple[Path, list[str]]]:
    """Yield each picture, and which panels show a note instead of data."""
    into.mkdir(parents=True, exist_ok=True)
    for name, dashboard in evaluated.items():
        (built / f"{name}.json").write_text(json.dumps(dashboard))
    with (
        _served(built) as base,
        sync_playwright() as playwright,
        playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--font-render-hinting=none"]
        ) as browser,
    ):
        page = browser.new_page(viewport={"width": width, "height": 1_000}, color_scheme="dark")
        page.on("pageerror", lambda error: print(f"page error: {error}"))
        page.on("requestfailed", lambda request: print(f"not loaded: {request.url}"))
        for name, dashboard in evaluated.items():
            page.clock.set_fixed_time(dashboard["to"] / 1_000)
            asked = urlencode({"data": f"{name}.json", "theme": theme, "width": width})
            page.goto(f"{base}index.html?{asked}")
            yield _shot(page, into / f"dashboard-{name}.png", width)


def _shot(page: Page, file: Path, width: int) -> tuple[Path, list[str]]:
    dashboard = page.locator("#dashboard")
    dashboard.wait_for(timeout=_DRAWN_MS)
    height: int = dashboard.evaluate("board => board.offsetHeight")
    page.set_viewport_size({"width": width, "height": height})
    page.wait_for_timeout(_SETTLE_MS)
    dashboard.screenshot(path=file)
    if shutil.which("pngquant"):
        quantize = ["pngquant", "--force", "--strip", f"--output={file}", str(file)]
        subprocess.run(quantize, check=False)  # noqa: S603
    notes = page.locator("[data-note]")
    cut: list[str] = dashboard.evaluate(_CUT)
    return file, cut + [
        f"{_panel_of(note)}: {note.get_attribute('data-note')}" for note in notes.all()
    ]


def _panel_of(note: Locator) -> str:
    named = note.locator("xpath=ancestor::section[1]").get_attribute("data-testid") or ""
    return named.rpartition("Panel header ")[2]
