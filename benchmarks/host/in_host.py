"""For benchmarks that need the real ComfyUI: their scripts run themselves again under its python."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from tools.dev.find_comfy import HostMissing, check_packages, find_host, host_python

REPOSITORY = Path(__file__).resolve().parents[2]
# malloc that returns what is freed: else a peak is that of its pools, each row standing on the one before
TIDY = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "0"}


def missing(name: str) -> bool:
    """Whether there is no ComfyUI, which is said on stderr in the benchmark's name."""
    try:
        find_host()
    except HostMissing as reason:
        print(f"{name}: {reason}", file=sys.stderr)
        return True
    return False


def answer(script: str, arguments: list[str], tidy: bool = True) -> Any:
    """What the script prints as JSON in its last line, run by the host's python; else the program ends."""
    try:
        return asked(script, arguments, tidy)
    except HostMissing as reason:
        raise SystemExit(str(reason)) from None


def asked(script: str, arguments: list[str], tidy: bool = True) -> Any:
    """What the script prints as JSON in its last line, run by the host's python.

    Raises: HostMissing where there is no host or its python lacks a package, SystemExit with what the script
    said where it fails.
    """
    host = find_host()
    command = [str(host_python(host)), str(Path(script).resolve()), *arguments]
    done = subprocess.run(
        command, cwd=host, capture_output=True, text=True, env=os.environ | (TIDY if tidy else {})
    )
    if done.returncode:
        check_packages(host, done.stderr)
        raise SystemExit(f"the host failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def on_cpu(wanted: bool = True) -> None:
    """Inside, before any import of the host's: makes its modules importable, and has them use the CPU, or the
    GPU."""
    sys.argv = sys.argv[:1]  # which the host reads
    sys.path.insert(0, str(Path.cwd()))
    # the host's own, before its nodes.py puts comfy/ with another of that name in front
    importlib.import_module("utils")
    from comfy.cli_args import args

    args.cpu = wanted


@cache
def load_pack() -> tuple[ModuleType, ModuleType, ModuleType]:
    """This repository as the package that ComfyUI makes of it: host.passes, host.models, schedules."""
    _package("unsampling_pack", REPOSITORY)
    from unsampling_pack.host import models, passes
    from unsampling_pack.unsampling import schedules

    return passes, models, schedules


def folder_of_vhs() -> Path | None:
    """Where the host has VideoHelperSuite."""
    return next((find_host() / "custom_nodes").glob("*ideo[hH]elper[sS]uite"), None)


def nodes_of_vhs() -> dict:
    """Inside: VideoHelperSuite's node classes by their ids."""
    import server

    server.PromptServer(asyncio.new_event_loop())  # where its routes go
    return _package("vhs_pack", folder_of_vhs()).NODE_CLASS_MAPPINGS


def _package(name: str, folder: Path) -> ModuleType:
    """A folder as the package that ComfyUI makes of it."""
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class TwoPasses:
    """A MODEL, and a clip's way up and down through it, by core's nodes and by ours, at cfg 1."""

    def __init__(self, model, sigmas, condition: list):
        self.model, self.sigmas, self.condition = model, sigmas, condition
        self.passes, self.models, _ = load_pack()

    def core(self, clip):
        """FlipSigmas and SamplerCustom as core's nodes run them, euler."""
        from comfy_extras.nodes_custom_sampler import FlipSigmas, KSamplerSelect, SamplerCustom

        sampler, latent = KSamplerSelect.execute("euler").result[0], {"samples": clip}
        for sigmas in (FlipSigmas.execute(self.sigmas).result[0], self.sigmas):
            latent = SamplerCustom.execute(
                self.model, False, 0, 1.0, self.condition, self.condition, sampler, sigmas, latent
            ).result[0]
        return latent["samples"]

    def ours(self, clip, solver: str = "midpoint", record: str = "full"):
        """The Exact Unsampler's and the Noiseless Resampler's own code."""
        guider = self.models.cfg_guider(self.model, self.condition, self.condition, 1.0)
        noise = self.passes.unsample(guider, {"samples": clip}, self.sigmas, solver, 1.0, record, None)
        return self.passes.resample(guider, noise, None, "auto", 0.0, 1.0, None)["samples"]
