"""Find a ComfyUI, start it on its own folders and a free port, and stop it surely."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterable
from pathlib import Path

from tools.dev.find_comfy import HostMissing, check_packages, find_host, host_python, named_frontend

REPOSITORY = Path(__file__).resolve().parents[2]
SUPPORT_NODES = Path(__file__).resolve().with_name("support_nodes")
OTHER_PACKS = {"ade": "animatediff-evolved", "acn": "advanced-controlnet"} | {
    "ipadapter": "ipadapter_plus",
    "fizz": "fizznodes",
}
OPTIONAL = {  # linked for the tests that need them alone
    "ipadapter": "https://github.com/cubiq/ComfyUI_IPAdapter_plus",
    "fizz": "https://github.com/FizzleDorf/ComfyUI_FizzNodes",
}
READY_S = 180
STOP_S = 15
TAIL = 60


class HostDied(Exception):
    """The server process ended or never became ready; the message holds the end of its log."""


def find_pack(host: Path, name: str) -> Path:
    """The folder of another pack in the host's custom_nodes, whatever its case; of an optional one also
    beside the host, in packs/ or where COMFYUI_PACKS says.

    Raises: HostMissing with the cure.
    """
    places = [host / "custom_nodes"]
    if name in OPTIONAL:
        places.append(Path(os.environ.get("COMFYUI_PACKS") or host.parent / "packs"))
    for folder in (one for packs in places if packs.is_dir() for one in sorted(packs.iterdir())):
        if folder.is_dir() and OTHER_PACKS[name] in folder.name.lower():
            return folder
    looked = " or ".join(map(str, places))
    cure = f"clone {OPTIONAL[name]} into one of them" if name in OPTIONAL else "install that pack there"
    raise HostMissing(f"no folder like *{OTHER_PACKS[name]}* in {looked}: {cure}")


def found_optional(host: Path) -> list[str]:
    """Which of the optional packs this machine has."""
    found = []
    for name in OPTIONAL:
        with contextlib.suppress(HostMissing):
            find_pack(host, name)
            found.append(name)
    return found


def pack_folder(host: Path, name: str) -> Path:
    """What to link for one of: ours, support, ade, acn, or an optional one."""
    own = {"ours": REPOSITORY, "support": SUPPORT_NODES}
    return own[name] if name in own else find_pack(host, name)


def free_port() -> int:
    """A port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _die_with_parent() -> None:
    """On Linux the kernel ends the server when the tests are killed; elsewhere only `stop` does."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)


class ComfyServer:
    """One server process on folders of its own below `base`; nothing is written into the user's ComfyUI."""

    def __init__(
        self,
        base: Path,
        packs: Iterable[str] = ("ade", "acn", "ours", "support"),
        options: Iterable[str] = (),
    ):
        self.base, self.options = base, list(options)
        self.host = find_host()
        self.python = host_python(self.host)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = base / "server.log"
        self.process: subprocess.Popen | None = None
        self._make_folders([(name, pack_folder(self.host, name)) for name in packs])

    def _make_folders(self, packs: list[tuple[str, Path]]) -> None:
        for name in ("custom_nodes", "input", "output", "temp", "user", "models/checkpoints"):
            (self.base / name).mkdir(parents=True, exist_ok=True)
        for name, folder in packs:
            link = {"ours": "unsampling", "support": "unsampling_test_support"}.get(name, folder.name)
            (self.base / "custom_nodes" / link).symlink_to(folder, target_is_directory=True)

    def command(self) -> list[str]:
        """The command line; --base-directory moves every folder, the database has an option of its own.

        --fp32-unet because a half ControlNet would compute in half on the CPU, ten times slower.
        """
        return [
            str(self.python),
            "main.py",
            "--cpu",
            "--disable-api-nodes",
            "--fp32-unet",
            "--port",
            str(self.port),
            "--base-directory",
            str(self.base),
            "--database-url",
            "sqlite:///:memory:",
            *(("--front-end-root", str(frontend)) if (frontend := named_frontend()) else ()),
            *self.options,
        ]

    def start(self, limit_s: float = READY_S) -> None:
        """Start the process and wait until it answers.

        Raises: HostMissing if its python lacks a package, HostDied for any other end.
        """
        environment = os.environ | {"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        environment.pop("PYTHONPATH", None)
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self.command(),
                cwd=self.host,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        deadline = time.monotonic() + limit_s
        while not self._answers():
            if self.process.poll() is not None:
                code = self.process.returncode
                check_packages(self.host, self.log_text())
                raise HostDied(f"ComfyUI ended with code {code} before it was ready:\n{self.tail()}")
            if time.monotonic() > deadline:
                self.stop()
                raise HostDied(f"ComfyUI was not ready within {limit_s:g} s:\n{self.tail()}")
            time.sleep(0.2)

    def _answers(self) -> bool:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"{self.url}/system_stats", timeout=5) as reply:
                return reply.status == 200
        except (urllib.error.URLError, OSError):
            return False

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self.process is not None and self.process.poll() is None

    def stop(self) -> None:
        """End the process and whatever it started."""
        if self.process is None:
            return
        for sign in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
                os.killpg(self.process.pid, sign)
                self.process.wait(STOP_S)

    def log_text(self) -> str:
        """Everything the server said so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def tail(self, lines: int = TAIL) -> str:
        """The end of that."""
        return "\n".join(self.log_text().splitlines()[-lines:])
