"""Queue a workflow on a running ComfyUI, follow it, and fetch what it made.

    python tools/queue_workflow.py WORKFLOW.json --video clip.mp4 --prompt "..." --output results

WORKFLOW.json is a saved workflow or an API export.
"""

import sys
from pathlib import Path

if __name__ == "__main__":  # run as a file: the repository root holds the package this file belongs to
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from tools.client.command import main

if __name__ == "__main__":
    sys.exit(main())
