"""The archive that the registry would build, without its command: the tracked files that .comfyignore leaves.

    python tools/dev/archive.py FOLDER

It copies them there, as a user of the registry has them in custom_nodes. `comfy node pack` chooses the same.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from pathspec import PathSpec

ROOT = Path(__file__).resolve().parents[2]


def shipped(paths: Iterable[str], ignored: str) -> list[str]:
    """The paths that the lines of a .comfyignore do not match, sorted."""
    spec = PathSpec.from_lines("gitignore", ignored.splitlines())
    return sorted(path for path in paths if not spec.match_file(path))


def tracked(root: Path = ROOT) -> list[str]:
    """The files that git knows and that are there. Raises: CalledProcessError where it is no checkout."""
    found = subprocess.run(["git", "-C", root, "ls-files", "-z"], check=True, capture_output=True, text=True)
    return [path for path in found.stdout.split("\0") if path and (root / path).is_file()]


def files(root: Path = ROOT) -> list[str]:
    """What the archive of this checkout holds, from the repository's root."""
    return shipped(tracked(root), (root / ".comfyignore").read_text(encoding="utf-8"))


def unpack(folder: Path, root: Path = ROOT) -> Path:
    """The archive's files in that folder, which is made; the folder."""
    for path in files(root):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / path, folder / path)
    return folder


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    print(unpack(Path(sys.argv[1])))
