"""The log of a batch: a line of JSON for each thing that happened, and the same for people."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

NAME = "restyle_log.jsonl"


class Journal:
    """Appends to restyle_log.jsonl in the folder of results, a line at a time, each on the disk at once."""

    def __init__(self, folder: Path, say: Callable[[str], None]):
        folder.mkdir(parents=True, exist_ok=True)
        self.path, self.say = folder / NAME, say
        # a line that a killed process left half written must not swallow the next one
        torn = self.path.exists() and self.path.read_bytes()[-1:] not in (b"", b"\n")
        self._file = self.path.open("a", encoding="utf-8")
        if torn:
            self._file.write("\n")

    def tell(self, event: str, sentence: str = "", **told: object) -> None:
        """event: a word of docs/farms.md. sentence: what people read; empty for what they need not."""
        line = {"time": datetime.now().astimezone().isoformat(timespec="milliseconds"), "event": event} | told
        self._file.write(json.dumps(line | ({"says": sentence} if sentence else {})) + "\n")
        self._file.flush()
        if sentence:
            self.say(sentence)

    def close(self) -> None:
        self._file.close()
