"""One user of one ComfyUI server, over HTTP and a websocket."""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path
from urllib.parse import quote, urlencode

from tools.client.errors import ServerAway
from tools.client.files import save
from tools.client.http import Http, Transfer
from tools.client.run import Event, Run, follow
from tools.client.sockets import EVENTS, websocket

PREVIEW = b"\x00\x00\x00\x01"  # how a binary frame that holds a picture begins


class Client:
    """One user of one server. `reconnect_s` bounds how long a lost server is waited for during a run."""

    def __init__(self, url: str, *, timeout: float = 30.0, reconnect_s: float = 30.0, idle_s: float = 10.0):
        self.http = Http(url, timeout)
        self.url = self.http.url
        self.client_id = uuid.uuid4().hex
        self.timeout, self.reconnect_s, self.idle_s = timeout, reconnect_s, idle_s
        self.node_errors: dict = {}  # of the last prompt taken: outputs the server will leave out
        self._socket: websocket.WebSocket | None = None
        self._unheard: set[str] = set()  # runs queued with this websocket open, and not yet followed

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the websocket; the client can still be used and opens another when it needs one."""
        if self._socket is not None:
            self._socket.close(timeout=1)
            self._socket = None

    def object_info(self) -> dict:
        """What the server knows about every node class."""
        return self.http.json("GET", "/object_info")

    def upload(self, path: str | Path) -> str:
        """Copy a file into the server's input folder; the name it got there, which may be a numbered one."""
        answer = self.http.upload(Path(path))
        return "/".join(part for part in (answer.get("subfolder"), answer["name"]) if part)

    def queue(self, prompt: dict, extra_data: dict | None = None) -> str:
        """Queue an API-format prompt; the id of the run. Listens first, so that no event can be missed."""
        self.connect()
        body = {"prompt": prompt, "client_id": self.client_id, "extra_data": extra_data or {}}
        answer = self.http.json("POST", "/prompt", body)
        if "prompt_id" not in answer:
            raise ServerAway(f"{self.url} took the prompt but gave no prompt_id: is it a ComfyUI server?")
        self.node_errors = answer.get("node_errors") or {}
        if EVENTS:
            self._unheard.add(answer["prompt_id"])
        return answer["prompt_id"]

    def history(self, prompt_id: str) -> dict | None:
        """The history entry of a run that has ended, else None."""
        return self.http.json("GET", f"/history/{quote(prompt_id)}").get(prompt_id)

    def in_queue(self, prompt_id: str) -> bool:
        """Whether the run waits or runs."""
        queue = self.http.json("GET", "/queue")
        items = [*queue.get("queue_running", []), *queue.get("queue_pending", [])]
        return any(item[1] == prompt_id for item in items)

    def interrupt(self, prompt_id: str | None = None) -> None:
        """Stop this run, waiting or running; without an id, whatever the server is at."""
        kind = {"Content-Type": "application/json"}
        if prompt_id is not None:
            self.http.read("POST", "/queue", json.dumps({"delete": [prompt_id]}).encode(), kind)
        body = {} if prompt_id is None else {"prompt_id": prompt_id}
        self.http.read("POST", "/interrupt", json.dumps(body).encode(), kind)

    def wait(
        self,
        prompt_id: str,
        on_event: Event | None = None,
        timeout: float | None = None,
        names: dict[str, str] | None = None,
    ) -> dict:
        """Follow a run to its end; its history entry, or the RunError that says how it ended otherwise."""
        try:
            return follow(Run(self, prompt_id, on_event or (lambda kind, data: None), names or {}), timeout)
        finally:
            self._unheard.discard(prompt_id)

    def outputs(self, entry: dict) -> list[dict]:
        """Every file a history entry names, as {filename, subfolder, type, node}, in order and only once."""
        files = {}
        for node, results in entry.get("outputs", {}).items():
            for item in (i for items in results.values() if isinstance(items, list) for i in items):
                if isinstance(item, dict) and isinstance(item.get("filename"), str):
                    place = (item["filename"], item.get("subfolder") or "", item.get("type") or "output")
                    named = dict(zip(("filename", "subfolder", "type"), place, strict=True))
                    files.setdefault(place, named | {"node": node})
        return list(files.values())

    def download(self, item: dict, folder: str | Path, overwrite: bool = False) -> Path:
        """Fetch one file of `outputs` into the folder, under a numbered name when its own is taken."""
        query = urlencode({key: item[key] for key in ("filename", "subfolder", "type")})
        chunks = self.http.chunks(
            "GET", f"/view?{query}", what=f"output {item['filename']}", transfer=Transfer.OUTPUT
        )
        return save(folder, item["filename"], lambda file: file.writelines(chunks), overwrite)

    # ---- the websocket

    def connect(self) -> None:
        """Open the websocket unless it is open."""
        if self._socket is not None and self._socket.connected:
            return
        self._unheard.clear()
        url = f"ws{self.url.removeprefix('http')}/ws?clientId={self.client_id}"
        try:
            self._socket = websocket.create_connection(url, timeout=self.timeout)
        except (OSError, websocket.WebSocketException) as error:
            raise ServerAway(f"{self.url} opens no websocket ({error}): is ComfyUI running there?") from None

    def hears_all_of(self, prompt_id: str) -> bool:
        """Whether this websocket brings every event of the run, from the first to the last."""
        return prompt_id in self._unheard

    def receive(self, deadline: float | None = None) -> tuple[str, dict] | None:
        """The next event, previews too; None after `idle_s` of silence or at the deadline; an OSError when it
        hung up."""
        if self._socket is None:
            raise ConnectionResetError("the websocket is closed")
        left = self.idle_s if deadline is None else min(self.idle_s, deadline - time.monotonic())
        self._socket.settimeout(max(left, 0.01))
        while True:
            try:
                opcode, data = self._socket.recv_data()
            except websocket.WebSocketTimeoutException:
                return None
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                raise ConnectionResetError("the server closed the websocket")
            if opcode == websocket.ABNF.OPCODE_TEXT:
                message = json.loads(data)
                return message.get("type", ""), message.get("data") or {}
            if opcode == websocket.ABNF.OPCODE_BINARY and data[:4] == PREVIEW:
                return "preview", {"image": data[8:]}

    def reconnect(self) -> None:
        """Drop the websocket and open it again under the same name; ServerAway while nobody answers."""
        if self._socket is not None:
            self._socket.shutdown()
            self._socket = None
        self.connect()
