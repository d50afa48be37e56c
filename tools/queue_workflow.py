"""Queue a workflow on a running ComfyUI, follow it, and fetch what it made.

    python tools/queue_workflow.py WORKFLOW.json --video clip.mp4 --prompt "..." --output results

WORKFLOW.json is a saved workflow or an API export. The templates are also found by their earlier file names.
"""

import sys
from pathlib import Path

if __name__ == "__main__":  # run as a file: the repository root holds the package this file belongs to
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from tools.client.command import main
from tools.template_names import found, short_name


def renamed(argument: str) -> str:
    """The template's present path where the argument is an earlier one."""
    path = Path(argument)
    return str(found(path)) if path.suffix == ".json" and short_name(path.stem) else argument


if __name__ == "__main__":
    sys.exit(main([renamed(argument) for argument in sys.argv[1:]]))
