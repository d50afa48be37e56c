"""The real ComfyUI frontend in a headless Chromium: open it, load a workflow, ask it for the API prompt.

with chromium() as browser, open_frontend(browser, object_info) as page:
    prompt = graph_to_prompt(page, workflow)
"""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from browser.stub_server import static_folder, stub_server
from playwright.sync_api import Browser, ConsoleMessage, Page, WebSocketRoute, sync_playwright

from tools.dev.find_comfy import HostMissing, find_host

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
READY_MS = 180_000  # 5 s on idle cores
CARD = '[data-testid^="template-workflow-"]'
READY = "() => window.app?.vueAppReady && window.graph && window.app.extensionManager.spinner === false"
LOAD = """async (workflow) => {
    const quiet = {showMissingNodesDialog: false, showMissingModelsDialog: false, deferWarnings: true};
    await app.loadGraphData(workflow, true, true, null, quiet);
    return app.rootGraph.serialize();
}"""

# under their present names, or those of frontend 1.38
NO_TOASTS = """() => {
    const toasts = app.extensionManager.toast;
    toasts.dismissAll ? toasts.dismissAll() : toasts.removeAll();
}"""
CHANGED = """() => {
    const tracker = app.extensionManager.workflow.activeWorkflow.changeTracker;
    tracker.captureCanvasState ? tracker.captureCanvasState() : tracker.checkState();
}"""


@dataclass
class Problems:
    """What a page complained about; requests to other hosts fail on purpose and do not count."""

    server: str
    messages: list[str] = field(default_factory=list)

    def console(self, message: ConsoleMessage) -> None:
        url = message.location.get("url", "")
        outside = url.startswith("http") and not url.startswith(self.server)
        if message.type == "error" and not outside:
            self.messages.append(f"console: {message.text} ({url})")

    def page_error(self, error: Exception) -> None:
        self.messages.append(f"page: {error}")


def missing() -> str | None:
    """Why the browser checks cannot run here, in one sentence; None when they can."""
    if shutil.which("chromium") is None:
        return "no chromium on PATH: install Debian's `chromium` to run the browser checks"
    if static_folder() is None:
        return "comfyui-frontend-package is not installed: `make setup` brings it"
    return None


def vhs_scripts() -> dict[str, Path]:
    """VideoHelperSuite's own scripts, from the ComfyUI of this machine; empty where it is not installed.

    They read and write the saved values of its nodes: without them its widgets come back as new.
    """
    try:
        folders = sorted((find_host() / "custom_nodes").glob("*[Vv]ideo[Hh]elper[Ss]uite*/web"))
    except HostMissing:
        return {}
    return {folder.parent.name: folder for folder in folders[:1]}


@contextmanager
def chromium() -> Iterator[Browser]:
    """One headless browser for many pages; Playwright allows one at a time in a process."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


def find_templates(page: Page, words: str) -> None:
    """Opens the template dialog as a user does, chooses our category, and types."""
    if not page.locator("[role=dialog]").count():  # a first visit opens it by itself
        page.evaluate("() => app.extensionManager.command.execute('Comfy.BrowseTemplates')")
    page.locator("[role=dialog]").get_by_text("Unsampling: restyle").first.click(timeout=30_000)
    page.wait_for_selector(CARD, timeout=60_000)
    page.locator("[role=dialog] input").first.fill(words)


@contextmanager
def open_frontend(
    browser: Browser,
    object_info: dict,
    *,
    settings: dict | None = None,
    media: dict[str, Path] | None = None,
    scripts: dict[str, Path] | None = None,
    answers: dict[str, object] | None = None,
    size: tuple[int, int] = (1600, 900),
) -> Iterator[Page]:
    """A page with the frontend ready to load workflows, knowing exactly the nodes of `object_info`.

    scripts: the web folders of other packs by name, loaded as extensions beside ours. answers: what else the
    server says, by path. The page's `send` sends it a message of the server.
    """
    with stub_server(object_info, settings, media, scripts, answers) as server:
        context = browser.new_context(viewport={"width": size[0], "height": size[1]})
        page = context.new_page()
        page.problems = Problems(server.url)
        page.on("console", page.problems.console)
        page.on("pageerror", page.problems.page_error)
        sockets: list[WebSocketRoute] = []

        def keep(socket: WebSocketRoute) -> None:
            sockets.append(socket)
            greet(socket)

        page.route_web_socket(re.compile(r"/ws(\?|$)"), keep)
        page.send = lambda message: sockets[-1].send(json.dumps(message))
        page.goto(server.url, wait_until="domcontentloaded")
        page.wait_for_function(READY, timeout=READY_MS)
        try:
            yield page
        finally:
            context.close()


def search_for(page: Page, words: str) -> None:
    """Types into the search that a double click on an empty canvas opens."""
    page.evaluate("() => app.rootGraph.clear()")
    searching = "() => document.activeElement.tagName === 'INPUT'"
    for _ in range(20):  # a canvas that still tidies up after the last node takes no double click
        page.mouse.dblclick(400, 200)
        page.wait_for_timeout(500)
        if page.evaluate(searching):
            break
    assert page.evaluate(searching)
    page.keyboard.type(words, delay=5)


def greet(socket: WebSocketRoute) -> None:
    """The first message a ComfyUI server sends over its socket."""
    status = {"status": {"exec_info": {"queue_remaining": 0}}, "sid": "stub"}
    socket.send(json.dumps({"type": "status", "data": status}))


def load(page: Page, workflow: dict) -> dict:
    """Load a UI-format workflow and return the graph as the frontend would save it again."""
    return page.evaluate(LOAD, workflow)


def graph_to_prompt(page: Page, workflow: dict) -> dict:
    """The API prompt the frontend would queue for this workflow."""
    load(page, workflow)
    return page.evaluate("async () => (await app.graphToPrompt()).output")


def version(page: Page) -> tuple[int, int]:
    """Of the frontend, its first two numbers."""
    major, minor, _ = page.evaluate("() => window.__COMFYUI_FRONTEND_VERSION__").split(".", 2)
    return int(major), int(minor)


def unknown_types(page: Page, workflow: dict) -> list[str]:
    """Node types of the workflow that the frontend does not know."""
    subgraphs = workflow.get("definitions", {}).get("subgraphs", [])
    nodes = [node for graph in (workflow, *subgraphs) for node in graph["nodes"]]
    types = sorted({node["type"] for node in nodes} - {one["id"] for one in subgraphs})
    return page.evaluate("(types) => types.filter((name) => !LiteGraph.registered_node_types[name])", types)
