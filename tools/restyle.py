"""Restyle clips on one ComfyUI or many: one job for a farm manager, or clips x styles.

    python tools/restyle.py job JOB.json
    python tools/restyle.py split JOBS.yaml FOLDER
    python tools/restyle.py run JOBS.yaml --server http://a:8188 --server http://b:8188

The forms of both files, and farm managers, are in docs/farms.md. It needs `pip install -e .[farm]`.
"""

import sys
from pathlib import Path

if __name__ == "__main__":  # run as a file: the repository root holds the package this file belongs to
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

try:
    from tools.farm.commands import main
except ModuleNotFoundError as error:
    if str(error.name).split(".")[0] == "tools":
        raise
    sys.exit(f"error: python needs {error.name}: pip install -e .[farm] in the folder of Unsampling.")

if __name__ == "__main__":
    sys.exit(main())
