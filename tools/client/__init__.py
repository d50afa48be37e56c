"""A small client of ComfyUI: queue a prompt, follow it, fetch what it made.

with Client("http://127.0.0.1:8188") as client:
    entry = client.wait(client.queue(prompt))
    paths = [client.download(item, "results") for item in client.outputs(entry)]
"""

from tools.client.client import Client
from tools.client.errors import (
    ClientError,
    InterruptedRun,
    Position,
    RefusedError,
    RunError,
    ServerAway,
    ServerDied,
)

__all__ = [
    "Client",
    "ClientError",
    "InterruptedRun",
    "Position",
    "RefusedError",
    "RunError",
    "ServerAway",
    "ServerDied",
]
