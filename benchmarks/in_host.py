"""For benchmarks that need the real ComfyUI: their scripts run themselves again under its python."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from tools.find_comfy import HostMissing, find_host, host_python

REPOSITORY = Path(__file__).resolve().parents[1]
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
    """What the script prints as JSON in its last line, run by the host's python."""
    host = find_host()
    command = [str(host_python(host)), str(Path(script).resolve()), *arguments]
    done = subprocess.run(command, cwd=host, capture_output=True, text=True,
                          env=os.environ | (TIDY if tidy else {}))
    if done.returncode:
        raise SystemExit(f"the host failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def on_cpu(wanted: bool = True) -> None:
    """Inside, before any import of the host's: makes its modules importable, and has them use the CPU, or the
    GPU."""
    sys.argv = sys.argv[:1]  # which the host reads
    sys.path.insert(0, str(Path.cwd()))
    from comfy.cli_args import args

    args.cpu = wanted


def load_pack() -> tuple[ModuleType, ModuleType, ModuleType]:
    """This repository as the package that ComfyUI makes of it: nodes.passes, nodes.host, schedules."""
    spec = importlib.util.spec_from_file_location("unsampling_pack", REPOSITORY / "__init__.py",
                                                  submodule_search_locations=[str(REPOSITORY)])
    module = importlib.util.module_from_spec(spec)
    sys.modules["unsampling_pack"] = module
    spec.loader.exec_module(module)
    from unsampling_pack.nodes import host, passes
    from unsampling_pack.unsampling import schedules

    return passes, host, schedules
