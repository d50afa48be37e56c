"""What the `comfy` and `bare_comfy` fixtures hand to a test: a server, its folders, models and tensors."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
from comfy_server import ComfyServer, HostDied, HostMissing
from safetensors.torch import load_file, save_file
from support_nodes.mixture import Mixture
from tiny_models import ModelShelf
from torch import Tensor

from tools.client import Client, ClientError

RUN_S = 300
NOT_STARTED: list[str] = []  # why no server starts in this session, in a sentence


class HostSession:
    """A server for a whole test session, as a test sees it."""

    def __init__(self, server: ComfyServer):
        self.server = server
        self.client = Client(server.url)
        self.input_dir, self.output_dir = server.base / "input", server.base / "output"
        self.models_dir = server.base / "models"
        self.shelf = ModelShelf(self.models_dir, self._layouts)
        self._object_info: dict | None = None

    @property
    def object_info(self) -> dict:
        """What the server knows about its nodes, asked once."""
        if self._object_info is None:
            self._object_info = self.client.object_info()
        return self._object_info

    def needs(self, node: str) -> None:
        """Skips the test on a ComfyUI older than that node."""
        if node not in self.object_info:
            pytest.skip(f"host test not run: this ComfyUI is older than core's node {node}")

    def run(self, prompt: dict, on_event=None, timeout: float = RUN_S) -> dict:
        """Queue an API-format prompt and follow it to its end: its history entry, or the error it ended in.

        A server that died meanwhile is a HostDied with the end of its log.
        """
        try:
            return self.client.wait(self.client.queue(prompt), on_event, timeout)
        except ClientError as error:
            if self.server.alive:
                raise
            raise HostDied(f"ComfyUI ended during a run ({error}):\n{self.server.tail()}") from error

    def model(self, kind: str) -> str:
        """The file name of a random model of a kind of tiny_models.KINDS; built when first asked for."""
        return self.shelf.file(kind)

    def _layouts(self) -> dict:
        self.run({"1": {"class_type": "UNSTest_ModelLayouts", "inputs": {"name": "layouts"}}})
        return json.loads((self.output_dir / "layouts.json").read_text())

    def tensors(self, name: str) -> dict[str, Tensor]:
        """What UNSTest_SaveTensors wrote under this name: samples, noise_mask, sigmas, images, ..."""
        return load_file(str(self.output_dir / f"{name}.safetensors"))

    def calls(self, log: str) -> list[dict]:
        """The model calls that UNSTest_AnalyticModel logged under this name in the last run, in order."""
        return [json.loads(line) for line in (self.output_dir / f"{log}.jsonl").read_text().splitlines()]

    def put_mixture(self, name: str, mixture: Mixture) -> str:
        """Put a mixture into the input folder for UNSTest_AnalyticModel; its file name."""
        return mixture.save(self.input_dir / f"{name}.safetensors")

    def put_latent(self, name: str, **tensors: Tensor) -> str:
        """Put samples and perhaps noise_mask into the input folder for UNSTest_LoadLatent; the file name."""
        file = self.input_dir / f"{name}.safetensors"
        save_file({key: t.contiguous() for key, t in tensors.items()}, str(file))
        return file.name

    def log_text(self) -> str:
        """Everything the server said so far."""
        return self.server.log_text()

    def close(self) -> None:
        """Stop the server and drop its models, which are gigabytes. No node may have said more in any test
        than its status line has room for."""
        self.client.close()
        self.server.stop()
        shutil.rmtree(self.models_dir, ignore_errors=True)
        assert "Status line too long: " not in self.log_text()


def started(make: Callable[[], ComfyServer]) -> HostSession:
    """A session with a new server, once it answers.

    The test skips with the reason where there is no host. Where its python lacks a package this test and all
    after it skip; where the server does not start for another reason this one fails, and those skip.
    """
    try:
        server = make()
    except HostMissing as missing:
        pytest.skip(f"host test not run: {missing}")
    try:
        server.start()
        return HostSession(server)
    except HostMissing as missing:
        skip_all(str(missing))
    except HostDied as died:
        why = str(died)
    except BaseException:
        server.stop()
        raise
    not_started(why)


def needs_pack(session: HostSession, folder: Path, node: str) -> None:
    """Skips the test where an optional pack is there and did not load: its python may lack a package."""
    if node in session.object_info:
        return
    lacks = re.findall(r"ModuleNotFoundError: (.*)", session.log_text())
    why = f" ({'; '.join(dict.fromkeys(lacks))})" if lacks else ""
    pytest.skip(
        f"host test not run: {folder} is there but has no node {node}{why}: install its requirements.txt"
        f" into {session.server.python}"
    )


def skip_all(why: str) -> NoReturn:
    """Skips this test and those of the host after it."""
    NOT_STARTED.append(f"host test not run: {why}")
    skip_if_not_started()


def not_started(why: str) -> NoReturn:
    """Fails this test, and has those of the host after it skip: one reason, not hundreds of the same."""
    NOT_STARTED.append(f"host test not run: {why.splitlines()[0]} see the first test")
    pytest.fail(why, pytrace=False)


def skip_if_not_started() -> None:
    """Skips where a server did not start in this session."""
    if NOT_STARTED:
        pytest.skip(NOT_STARTED[0])
