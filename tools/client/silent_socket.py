"""What the client needs of websocket-client, for a machine that lacks it: a websocket that brings no event.

A run is then followed by the server's history alone, asked each second; progress and previews are not heard.
"""

from __future__ import annotations

import time
from enum import IntEnum
from typing import NoReturn

from tools.client.http import Http

POLL_S = 1.0


class WebSocketException(Exception):
    """What websocket-client raises for a protocol error; nothing here does."""


class WebSocketTimeoutException(WebSocketException):
    """Nothing came in time."""


class ABNF(IntEnum):
    """Kinds of frames."""

    OPCODE_TEXT = 1
    OPCODE_BINARY = 2
    OPCODE_CLOSE = 8


class WebSocket:
    """A connection on which nothing arrives."""

    def __init__(self, timeout: float):
        self.connected, self._timeout = True, timeout

    def settimeout(self, timeout: float) -> None:
        self._timeout = timeout

    def recv_data(self) -> NoReturn:
        """Wait for a while. Raises: WebSocketTimeoutException, always."""
        time.sleep(min(self._timeout, POLL_S))
        raise WebSocketTimeoutException

    def shutdown(self) -> None:
        self.connected = False

    def close(self, timeout: float = 0) -> None:
        self.shutdown()


def create_connection(url: str, timeout: float) -> WebSocket:
    """A silent websocket, if a server answers at ws://.../ws?... Raises: ServerAway where none does."""
    Http(f"http{url.removeprefix('ws').partition('/ws?')[0]}", timeout).read("GET", "/queue")
    return WebSocket(timeout)
