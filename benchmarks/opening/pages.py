"""Seconds in the real frontend: until the page is ready, and from the click on a template until its graph can
be used. Needs the path of tests/ (browser.frontend)."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from browser.frontend import READY, READY_MS
from playwright.sync_api import Browser, Page

SIZE = {"width": 1600, "height": 950}
SETTINGS = {
    "Comfy.TutorialCompleted": True,
    "Comfy.Workflow.Persist": False,
    "Comfy.Workflow.ShowMissingModelsWarning": False,
    "Comfy.Workflow.ShowMissingNodesWarning": False,
}
BROWSE = "() => app.extensionManager.command.execute('Comfy.BrowseTemplates')"
BLANK = "() => app.extensionManager.command.execute('Comfy.NewBlankWorkflow')"
# Usable: its nodes are there, the dialog is gone, and the browser has drawn them and waits for the user.
CLICK = """async (card) => {
    const frame = () => new Promise(requestAnimationFrame);
    const start = performance.now();
    card.click();
    const isThere = () => app.rootGraph.nodes.length > 0 && !card.isConnected;
    while (!isThere() && performance.now() - start < 120_000) await frame();
    await frame();
    await frame();
    await new Promise((done) => requestIdleCallback(done, {timeout: 60_000}));
    return isThere() ? (performance.now() - start) / 1000 : null;
}"""


def settle(base: Path, nodes2: bool) -> None:
    """What the user of a server has set: the design of nodes, and no tour."""
    path = base / "user" / "default" / "comfy.settings.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(SETTINGS | {"Comfy.VueNodes.Enabled": nodes2}))


@contextmanager
def loaded(browser: Browser, url: str) -> Iterator[tuple[Page, float]]:
    """A fresh page with nothing cached, and the seconds until it was ready."""
    context = browser.new_context(viewport=SIZE)
    page = context.new_page()
    start = time.perf_counter()
    page.goto(url, wait_until="domcontentloaded")
    page.wait_for_function(READY, timeout=READY_MS)
    try:
        yield page, time.perf_counter() - start
    finally:
        context.close()


def opened(page: Page, name: str) -> float:
    """Seconds from the click on a template's card in the dialog."""
    page.evaluate(BLANK)
    page.wait_for_function("() => app.rootGraph.nodes.length === 0", timeout=READY_MS)
    page.evaluate(BROWSE)
    page.locator("[role=dialog] input").first.fill(name)
    # a pack's card shows the name of its file; core's card of the same template shows a title of its own
    card = page.locator(f'[data-testid="template-workflow-{name}"]').filter(has_text=name)
    card.wait_for(timeout=READY_MS)
    page.wait_for_timeout(500)
    found = card.evaluate(CLICK)
    if found is None:
        raise SystemExit(f"{name} did not open")
    return found
