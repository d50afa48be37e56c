"""A stand-in for the ComfyUI server: the frontend's files, our js/, /object_info, empty answers otherwise."""

import importlib.util
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from tools.dev.find_comfy import named_frontend

SETTINGS = {
    "Comfy.TutorialCompleted": True,
    "Comfy.Workflow.Persist": False,
    "Comfy.Workflow.ShowMissingMediaWarning": False,
    "Comfy.Notification.ShowVersionUpdates": False,
    "Comfy.Minimap.Visible": False,
    "Comfy.Graph.CanvasMenu": False,
    "Comfy.Validation.Workflows": True,
}
SYSTEM = {
    "system": {
        "os": "linux",
        "comfyui_version": "0.33.0",
        "python_version": "3.11",
        "pytorch_version": "2.13.0",
        "embedded_python": False,
        "argv": [],
        "ram_total": 1,
        "ram_free": 1,
    },
    "devices": [
        {
            "name": "cpu",
            "type": "cpu",
            "index": 0,
            "vram_total": 1,
            "vram_free": 1,
            "torch_vram_total": 1,
            "torch_vram_free": 1,
        }
    ],
}
EMPTY_LISTS = (
    *("/embeddings", "/experiment/models", "/userdata", "/assets", "/userdata/comfy.templates.json"),
    *("/internal/files/input", "/internal/files/output"),
)
EMPTY_OBJECTS = (
    "/features",
    "/workflow_templates",
    "/global_subgraphs",
    "/node_replacements",
    "/history",
    "/internal/folder_paths",
)
SCRIPTS = Path(__file__).parents[2] / "js"
LOCALES = SCRIPTS.parent / "locales"
TEMPLATES = SCRIPTS.parent / "workflows"
TEMPLATES_AT = "/workflow_templates/unsampling/"
SERVED_AT = "/extensions/"  # where a server mounts the WEB_DIRECTORY of each pack
BLANK_FILES = ("/favicon.ico", "/user.css", "/api/userdata/user.css", "/api/vhs/queryvideo")


def static_folder() -> Path | None:
    """The built frontend that COMFYUI_FRONTEND names, else that of the comfyui-frontend-package wheel; None
    when neither is there."""
    if (named := named_frontend()) is not None:
        return named
    spec = importlib.util.find_spec("comfyui_frontend_package")
    return Path(spec.origin).parent / "static" if spec and spec.origin else None


def answers(object_info: dict, settings: dict, scripts: dict[str, Path]) -> dict[str, object]:
    """What each API path answers, as JSON."""
    table: dict[str, object] = {path: [] for path in EMPTY_LISTS} | {path: {} for path in EMPTY_OBJECTS}
    table["/extensions"] = [
        f"{SERVED_AT}{pack}/{path.relative_to(folder).as_posix()}"
        for pack, folder in scripts.items()
        for path in sorted(folder.rglob("*.js"))
    ]
    table["/i18n"] = {folder.name: translation(folder) for folder in sorted(LOCALES.iterdir())}
    table["/object_info"] = object_info
    table["/settings"] = settings
    table["/system_stats"] = SYSTEM
    table["/users"] = {"storage": "server", "migrated": True}
    table["/queue"] = {"queue_running": [], "queue_pending": []}
    table["/jobs"] = {"jobs": [], "pagination": {"offset": 0, "limit": 0, "total": 0, "has_more": False}}
    return table


def translation(folder: Path) -> dict:
    """What a server makes of a pack's files in one language: main.json, the others under their names."""
    files = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")}
    return files.pop("main", {}) | files


class StubHandler(SimpleHTTPRequestHandler):
    """Static files, the JSON table, and the media of /view; anything else is 404 and remembered."""

    protocol_version = "HTTP/1.1"
    server: "StubServer"

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path in BLANK_FILES:
            return self.send_empty()
        path = url.path.removeprefix("/api")
        if path in ("/view", "/vhs/viewvideo"):
            return self.send_media(parse_qs(url.query).get("filename", [""])[0])
        if path.startswith(TEMPLATES_AT):
            return self.send_template(unquote(path.removeprefix(TEMPLATES_AT)))
        if path in self.server.table:
            return self.send_body(json.dumps(self.server.table[path]).encode(), "application/json")
        if url.path.startswith("/api/"):
            self.server.unknown.append(path)
        super().do_GET()

    def translate_path(self, path: str) -> str:
        """The folders of the packs' scripts lie where a real server mounts them."""
        pack, _, inside = path.removeprefix(SERVED_AT).partition("/")
        if not path.startswith(SERVED_AT) or pack not in self.server.scripts:
            return super().translate_path(path)
        frontend, self.directory = self.directory, str(self.server.scripts[pack])
        try:
            return super().translate_path("/" + inside)
        finally:
            self.directory = frontend

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_body(b"{}", "application/json")

    def send_media(self, name: str) -> None:
        """An input picture or clip, as /view would send it."""
        path = self.server.media.get(name)
        if path is None:
            return self.send_empty()
        self.send_body(path.read_bytes(), self.guess_type(str(path)))

    def send_template(self, name: str) -> None:
        """A template or its picture, as the server sends them: a picture by the name's suffix."""
        path = TEMPLATES / name
        if not path.is_file():
            return self.send_error(404)
        self.send_body(path.read_bytes(), self.guess_type(name))

    def send_empty(self) -> None:
        """No content: a preview that is not there, without a line in the browser's console."""
        self.send_response(204)
        self.end_headers()

    def send_body(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args) -> None:
        """Quiet: a page makes hundreds of requests."""


class StubServer(ThreadingHTTPServer):
    """One page's server on a free port of this machine."""

    daemon_threads = True

    def __init__(
        self,
        object_info: dict,
        settings: dict,
        media: dict[str, Path],
        scripts: dict[str, Path],
        answers_too: dict[str, object],
    ) -> None:
        folder = str(static_folder())
        super().__init__(("127.0.0.1", 0), lambda *args: StubHandler(*args, directory=folder))
        self.scripts = {"unsampling": SCRIPTS} | scripts
        self.table = answers(object_info, SETTINGS | settings, self.scripts) | answers_too
        self.media = media
        self.unknown: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def stub_server(
    object_info: dict,
    settings: dict | None = None,
    media: dict[str, Path] | None = None,
    scripts: dict[str, Path] | None = None,
    answers: dict[str, object] | None = None,
) -> Iterator[StubServer]:
    """Serve until the block ends; `scripts` are other packs' WEB_DIRECTORY folders by the pack's name,
    `answers` what else the server says, by path."""
    server = StubServer(object_info, settings or {}, media or {}, scripts or {}, answers or {})
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
