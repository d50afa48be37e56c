"""What a process takes of main memory and of a folder while something runs. Linux."""

from __future__ import annotations

import threading
from pathlib import Path


class Peak:
    """The highest memory of this process while it is entered, above what it was at the start, in bytes."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.anonymous = self.mapped = self.disk = 0
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Peak:
        self._before = memory()
        self._watch.start()
        return self

    def __exit__(self, *_) -> None:
        self._over.set()
        self._watch.join()

    def _look(self) -> None:
        while not self._over.wait(0.003):
            anonymous, mapped = memory()
            self.anonymous = max(self.anonymous, anonymous - self._before[0])
            self.mapped = max(self.mapped, mapped - self._before[1])
            self.disk = max(self.disk, in_files(self.folder))


def memory() -> tuple[int, int]:
    """Bytes of this process that only it can give back, and bytes that it reads from mapped files."""
    lines = Path("/proc/self/status").read_text().splitlines()
    sizes = {line.split(":")[0]: line.split()[1] for line in lines if line.startswith("Rss")}
    return int(sizes["RssAnon"]) * 1024, int(sizes["RssFile"]) * 1024


def in_files(folder: Path) -> int:
    """Bytes of the files in a folder, some of which may go meanwhile."""
    total = 0
    for path in folder.glob("*"):
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            continue
    return total
