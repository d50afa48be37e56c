"""`make demo` and `make test` on a machine whose python cannot make a .venv yet."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

MAKEFILE = Path(__file__).parents[2] / "Makefile"
STANDINS = {
    # Debian's python3: no ensurepip before the package; what it then makes is another of itself.
    "python3": '[ "$1" != -c ] || [ -f installed ] || exit 1\n'
    'if [ "$2" = venv ]; then mkdir -p .venv/bin; cp "$0" .venv/bin/python; fi',
    "apt-get": 'echo "$*" >> asked; [ -f network ] || exit 100\n'
    'if [ "$*" = "install -y -qq python3-venv" ]; then touch installed; fi',
    "id": "cat user",
}


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize(
    ("user", "network", "made"), [("0", True, True), ("0", False, False), ("1000", True, False)]
)
def test_venv_is_installed_where_root_may_and_asked_for_by_name_where_not(tmp_path, user, network, made):
    for name, script in STANDINS.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    for name in ("demo", "dev"):
        (tmp_path / f"requirements-{name}.txt").touch()
    (tmp_path / "user").write_text(user)
    if network:
        (tmp_path / "network").touch()
    line = ["make", "-f", str(MAKEFILE), "setup", "PYTHON=python3"]
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(line, cwd=tmp_path, env=os.environ | {"PATH": path}, capture_output=True, text=True)
    assert (done.returncode == 0) == (tmp_path / ".venv" / ".installed").exists() == made
    assert (tmp_path / "asked").exists() == (user == "0")
    said = "make: python3 cannot make a .venv: install the package python3-venv, then try again"
    assert (said in done.stderr.splitlines()) != made
