"""HTTP to one ComfyUI server: every failure becomes one sentence."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from enum import Enum, auto
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, Request, build_opener

from tools.client.errors import ClientError, RefusedError, ServerAway

CHUNK = 1 << 20


class Transfer(Enum):
    """What a request moves, which decides the cure of its failure."""

    MESSAGE = auto()
    UPLOAD = auto()
    OUTPUT = auto()


class Http:
    """Requests to the server at `url`."""

    def __init__(self, url: str, timeout: float):
        self.url, self.timeout = base_url(url), timeout
        local = urlsplit(self.url).hostname in ("127.0.0.1", "localhost", "::1")
        self._opener = build_opener(ProxyHandler({})) if local else build_opener()

    def json(self, method: str, path: str, body: dict | None = None) -> dict:
        """The JSON object the server answers with."""
        data, headers = (None, {}) if body is None else (json.dumps(body).encode(), _type("application/json"))
        return self._decoded(self.read(method, path, data, headers))

    def upload(self, path: Path) -> dict:
        """Send a file to the input folder, in pieces, as a browser's form would."""
        head, tail, kind = _multipart(path.name)
        size = len(head) + path.stat().st_size + len(tail)
        headers = _type(kind) | {"Content-Length": str(size)}
        pieces, what = _pieces(head, path, tail), f"the upload of {path}"
        return self._decoded(
            self.read("POST", "/upload/image", pieces, headers, what, transfer=Transfer.UPLOAD)
        )

    def read(
        self,
        method: str,
        path: str,
        data: Any = None,
        headers: dict | None = None,
        what: str = "",
        transfer: Transfer = Transfer.MESSAGE,
    ) -> bytes:
        """The whole answer; `what` is what messages call it, and decides nothing."""
        return b"".join(self.chunks(method, path, data, headers, what, transfer))

    def chunks(
        self,
        method: str,
        path: str,
        data: Any = None,
        headers: dict | None = None,
        what: str = "",
        transfer: Transfer = Transfer.MESSAGE,
    ) -> Iterator[bytes]:
        """The answer in pieces; an answer that stops early is an error."""
        request = Request(self.url + path, data=data, headers=headers or {}, method=method)
        try:
            with self._opener.open(request, timeout=self.timeout) as reply:
                wanted, got = reply.headers.get("Content-Length"), 0
                while chunk := reply.read(CHUNK):
                    got += len(chunk)
                    yield chunk
        except HTTPError as error:
            raise _http_error(error, self.url, f"{method} {path}", what, transfer) from None
        except (OSError, HTTPException) as error:
            raise ServerAway(_away(self.url, error, what, transfer)) from None
        if wanted is not None and got != int(wanted):
            raise ServerAway(
                f"{self.url} closed the connection at {got} of {wanted} bytes of {what or path}: try again."
            )

    def _decoded(self, data: bytes) -> dict:
        try:
            answer = json.loads(data)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise ServerAway(f"{self.url} answers, but not as ComfyUI does: check the address.")
        return answer


def base_url(url: str) -> str:
    """A server's address as http(s)://host[:port][/path], from whatever a user types."""
    url = url if "://" in url else f"http://{url}"
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ClientError(f"The server's address {url} is not one like http://127.0.0.1:8188.")
    return url.split("?")[0].rstrip("/")


def _type(kind: str) -> dict[str, str]:
    return {"Content-Type": kind}


def _multipart(filename: str) -> tuple[bytes, bytes, str]:
    boundary = uuid.uuid4().hex
    name = filename.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="type"\r\n\r\ninput\r\n'
        f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    return head.encode(), f"\r\n--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def _pieces(head: bytes, path: Path, tail: bytes) -> Iterator[bytes]:
    yield head
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk
    yield tail


def _away(url: str, error: Exception, what: str, transfer: Transfer) -> str:
    reason = error.reason if isinstance(error, URLError) else error
    if transfer is Transfer.UPLOAD and isinstance(reason, ConnectionError):
        return (
            f"{url} closed the connection during {what}: is the file larger than its --max-upload-size (MB)?"
        )
    during = f" during {what}" if what else ""
    return f"{url} does not answer{during} ({reason}): start ComfyUI there, or correct the address."


def _http_error(error: HTTPError, url: str, request: str, what: str, transfer: Transfer) -> ClientError:
    body, what = error.read(), what or request
    if error.code == 400 and request == "POST /prompt":
        return _refused(body)
    if error.code == 413:
        return ClientError(f"{url} refuses {what} as too large: raise ComfyUI's --max-upload-size (MB).")
    if error.code == 404 and transfer is Transfer.OUTPUT:
        return ClientError(f"{url} lists {what} but no longer has the file: run the workflow again.")
    return ServerAway(f"{url} answers {what} with HTTP {error.code} {error.reason}: is it a ComfyUI server?")


def _refused(body: bytes) -> RefusedError:
    try:
        answer = json.loads(body)
        error, node_errors = answer.get("error") or {}, answer.get("node_errors") or {}
    except (ValueError, AttributeError):
        error, node_errors = {"message": body.decode("utf-8", "replace")[:200]}, {}
    error = error if isinstance(error, dict) else {"message": str(error)}
    nodes = node_errors if isinstance(node_errors, dict) else {}
    details = [
        f"node {node} ({problem.get('class_type')}): {e.get('message')}: {e.get('details')}"
        for node, problem in nodes.items()
        for e in problem.get("errors", [])
    ]
    reason = "; ".join(details) or error.get("message") or "no reason given"
    return RefusedError(f"The server refuses the workflow: {reason}", error, nodes)
