"""Whether ComfyUI-Manager's own scanner finds our nodes in the archive, and no other.

    python tools/dev/scan_archive.py FOLDER path/to/ComfyUI-Manager/scanner.py

FOLDER is what tools/dev/archive.py made. The scanner needs GitPython, PyGithub and requests.
"""

from __future__ import annotations

import json
import sys
from importlib import util
from pathlib import Path

INTERFACES = Path(__file__).resolve().parents[2] / "tests" / "data" / "node_interfaces.json"


def found(folder: Path, scanner: Path) -> set[str]:
    """The ids of the nodes that the scanner believes to be there."""
    spec = util.spec_from_file_location("scanner", scanner)
    assert spec and spec.loader, f"{scanner} is no Python file"
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return set().union(*(module.scan_in_file(str(path))[0] for path in sorted(folder.rglob("*.py"))))


def main(folder: str, scanner: str) -> None:
    """Print the difference and fail, or say how many there are."""
    ours, theirs = set(json.loads(INTERFACES.read_text(encoding="utf-8"))), found(Path(folder), Path(scanner))
    if ours != theirs:
        sys.exit(f"error: not found {sorted(ours - theirs)}, found as well {sorted(theirs - ours)}")
    print(f"{len(ours)} nodes, exactly ours")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
