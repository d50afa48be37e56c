"""What the user has set of ours in ComfyUI's settings, read at 0.33.0; js/settings.js shows them."""

import json
from pathlib import Path
from typing import Any

import folder_paths

from ...unsampling import cache_folder, storage

# by the environment variable that goes before it
NAMES = {storage.VARIABLE: "Unsampling.RecordGiB", cache_folder.VARIABLE: "Unsampling.CacheGiB"}
FILE = ("default", "comfy.settings.json")  # of the one user whom a ComfyUI without --multi-user has


def limits() -> dict[str, Any]:
    """The limits that are set, by that variable."""
    try:
        told = json.loads(Path(folder_paths.get_user_directory(), *FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # none was ever set, or ComfyUI itself cannot read them
    return {variable: told[name] for variable, name in NAMES.items() if name in told}
