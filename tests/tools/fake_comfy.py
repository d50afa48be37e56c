"""A ComfyUI server small enough to play any scene: real HTTP and websocket bytes, no nodes behind them."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import socket
import struct
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

PROMPT_ID = "11111111-2222-4333-8444-555555555555"
Script = Callable[["FakeComfy"], None]


class FakeComfy:
    """One server. `script` runs in a thread of its own once a prompt is followed, and says what happens."""

    def __init__(self, script: Script | None = None, object_info: dict | None = None, port: int = 0):
        self.script, self.info = script, object_info or {}
        self.refusal: dict | None = None
        self.node_errors: dict = {}
        self.html = False
        self.full = False  # answers uploads as too large
        self.cut = 0  # how many bytes of each file /view holds back
        self.prompts: list[dict] = []
        self.uploads: dict[str, bytes] = {}
        self.files: dict[tuple[str, str, str], bytes] = {}
        self.history: dict[str, dict] = {}
        self.running = False
        self.interrupts: list[dict] = []
        self.deleted: list[str] = []
        self.sockets: list[socket.socket] = []
        self.connections = 0
        self.connected = threading.Event()
        self.interrupted = threading.Event()
        self.followed = threading.Event()
        self.http = ThreadingHTTPServer(("127.0.0.1", port), self.handler())
        self.http.daemon_threads = True
        self.http.handle_error = lambda *args: None  # clients that leave are part of the play
        self.port = self.http.server_address[1]
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def handler(self) -> type[BaseHTTPRequestHandler]:
        """What answers requests; a subclass may answer more."""
        return _handler(self)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> FakeComfy:
        return self

    def __exit__(self, *exc: object) -> None:
        self.die()

    def play(self) -> None:
        """Run the script once the client follows the run: earlier events would be in the history only."""
        assert self.followed.wait(5), "the client never asked for the run"
        self.script(self)

    # ---- what a script can do

    def event(self, kind: str, **data: object) -> None:
        """Send a JSON event of this prompt."""
        self._frame(1, json.dumps({"type": kind, "data": {"prompt_id": PROMPT_ID} | data}).encode())

    def steps(self, node: str, count: int, upto: int | None = None) -> None:
        """A node that starts and makes progress."""
        self.event("executing", node=node, display_node=node)
        for value in range(1, (count if upto is None else upto) + 1):
            self.event("progress", value=value, max=count, node=node)

    def preview(self) -> None:
        """A binary frame, longer than one read."""
        self._frame(2, struct.pack(">II", 1, 1) + b"\xff\xd8" * 40000)

    def end(self, outputs: dict | None = None, status: dict | None = None) -> None:
        """Write the history entry and say that nothing runs any more."""
        self.finish(outputs, status)
        self.event("executing", node=None)

    def finish(self, outputs: dict | None = None, status: dict | None = None) -> None:
        """Write the history entry without telling anybody."""
        ok = {"status_str": "success", "completed": True, "messages": []}
        self.history[PROMPT_ID] = {"outputs": outputs or {}, "status": status or ok}
        self.running = False

    def hang_up(self) -> None:
        """Close every websocket, as a proxy that restarts does; waits for the next one in `reconnected`."""
        self.connected.clear()
        for sock in self.sockets:
            _close(sock)
        self.sockets.clear()

    def reconnected(self) -> None:
        assert self.connected.wait(5), "the client did not come back"

    def die(self) -> None:
        """Stop listening and drop everybody."""
        self.http.shutdown()
        self.http.server_close()
        self.hang_up()

    def _frame(self, opcode: int, payload: bytes) -> None:
        size = len(payload)
        head = bytes([0x80 | opcode])
        head += (
            bytes([size])
            if size < 126
            else (struct.pack(">BH", 126, size) if size < 65536 else struct.pack(">BQ", 127, size))
        )
        for sock in self.sockets:
            with contextlib.suppress(OSError):  # clients of earlier runs have left
                sock.sendall(head + payload)


def _close(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the other side may be faster
        sock.shutdown(socket.SHUT_RDWR)


def _handler(fake: FakeComfy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

        def reply(self, body: object, code: int = 200) -> None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self) -> None:
            path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
            if path == "/ws":
                self.websocket()
            elif fake.html:
                self.reply(b"<html>hello</html>")
            elif path == "/object_info":
                self.reply(fake.info)
            elif path.startswith("/history/"):
                self.reply({k: v for k, v in fake.history.items() if k == path.removeprefix("/history/")})
            elif path == "/queue":
                fake.followed.set()
                self.reply(
                    {
                        "queue_running": [[0, PROMPT_ID, {}, {}, []]] if fake.running else [],
                        "queue_pending": [],
                    }
                )
            elif path == "/view":
                self.view(tuple(query.get(key, [""])[0] for key in ("filename", "subfolder", "type")))
            else:
                self.reply({}, 404)

        def view(self, key: tuple) -> None:
            if key not in fake.files:
                return self.reply({}, 404)
            data = fake.files[key]
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[: len(data) - fake.cut])

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/upload/image":
                self.upload(body)
            elif self.path == "/prompt":
                self.prompt(json.loads(body))
            elif self.path == "/interrupt":
                fake.interrupts.append(json.loads(body))
                fake.interrupted.set()
                self.reply({})
            elif self.path == "/queue":
                fake.deleted += json.loads(body)["delete"]
                self.reply({})

        def upload(self, body: bytes) -> None:
            if fake.full:
                return self.reply({}, 413)
            boundary = self.headers["Content-Type"].split("boundary=")[1].encode()
            for part in body.split(b"--" + boundary)[1:-1]:
                head, _, data = part.partition(b"\r\n\r\n")
                name = re.search(rb'filename="([^"]*)"', head)
                if name:
                    fake.uploads[name[1].decode()] = data.removesuffix(b"\r\n")
                    self.reply({"name": name[1].decode(), "subfolder": "", "type": "input"})

        def prompt(self, message: dict) -> None:
            fake.prompts.append(message)
            if fake.refusal is not None:
                return self.reply(fake.refusal, 400)
            fake.running = True
            if fake.script:  # before the answer: the client may ask for its run at once, by the last one's id
                fake.followed.clear()
                fake.history.clear()
            self.reply({"prompt_id": PROMPT_ID, "number": 0, "node_errors": fake.node_errors})
            if fake.script:
                threading.Thread(target=fake.play, daemon=True).start()

        def websocket(self) -> None:
            key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
            self.send_response(101)
            self.send_header("Upgrade", "websocket")
            self.send_header("Connection", "Upgrade")
            self.send_header(
                "Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
            )
            self.end_headers()
            fake.connections += 1
            fake.sockets.append(self.connection)
            fake.connected.set()
            while heard := self.connection.recv(1024):  # empty when the client hangs up
                if heard[0] == 0x88:
                    self.connection.sendall(b"\x88\x00")

    return Handler
