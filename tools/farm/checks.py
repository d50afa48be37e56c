"""Read what people write, and say in one sentence what is wrong with it."""

from __future__ import annotations

import os
from collections import Counter
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from tools import template_names
from tools.client import ClientError
from tools.client.http import base_url
from tools.farm.errors import Refused

PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"}
FILMS = {".mp4", ".mov", ".mkv", ".webm", ".avi", ".gif", ".m4v", ".mpg", ".mpeg"}
ONE_NAME = 200  # bytes of a file name: file systems stop at 255, and a temporary suffix comes on top


def known(found: dict, names: list[str], where: str) -> None:
    """Refuses a key that means nothing here."""
    for key in found:
        if key not in names:
            close = get_close_matches(str(key), names, 1, 0.6)
            meant = f" (did you mean {close[0]}?)" if close else f"; it has {', '.join(names)}"
            raise Refused(f"{where}: {key} is no key of it{meant}.")


def once(names: list, where: str) -> None:
    """Refuses a name that is there twice."""
    for name, count in Counter(names).items():
        if count > 1:
            raise Refused(f"{where}: {name} is there {count} times: give each its own name.")


def text(found: dict, key: str, where: str, default: str | None = None) -> str | None:
    """A text that is not empty, or the default. Refuses any other thing."""
    value = found.get(key, default)
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip():
        raise Refused(f"{where}: {key} is {shown(value)}; it takes a text.")
    return value


def needed(found: dict, key: str, where: str) -> str:
    value = text(found, key, where)
    if value is None:
        raise Refused(f"{where}: {key} is missing.")
    return value


def settings(found: Any, where: str) -> dict[str, Any]:
    """{"NODE.INPUT": value}, each value a text, a number, true or false, or a list of these."""
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise Refused(f"{where}: settings is {shown(found)}; it takes pairs of NODE.INPUT and a value.")
    for key, value in found.items():
        if not isinstance(key, str) or "." not in key.strip("."):
            raise Refused(f"{where}: settings has {shown(key)}; a key is NODE.INPUT, like KSampler.steps.")
        if not isinstance(value, (str, int, float, bool, list)):
            raise Refused(f"{where}: settings has {shown(value)} for {key}; a value is a text or a number.")
    return dict(found)


def shown(value: Any) -> str:
    """A value in a message, shortened."""
    words = {None: "empty", True: "true", False: "false"}
    if value is None or isinstance(value, bool):
        return words[value]
    line = repr(value)
    return line if len(line) <= 60 else f"{line[:57]}..."


def file(folder: Path, name: str, key: str, where: str) -> Path:
    """A file that is there, a template under an earlier name too; relative names begin at the folder."""
    path = template_names.found(placed(folder, name, key, where))
    if not path.is_file():
        raise Refused(f"{where}: {key}: there is no file {path}.")
    return path


def placed(folder: Path, name: str, key: str, where: str) -> Path:
    if "\0" in name:
        raise Refused(f"{where}: {key} is {shown(name)}, which is no path.")
    return Path(os.path.normpath((folder / Path(name).expanduser()).absolute()))


def output(folder: Path, name: str, where: str) -> Path:
    """Where a result goes: a path with the suffix of a film or picture, not a folder."""
    path = placed(folder, name, "output", where)
    if path.suffix.lower() not in FILMS | PICTURES:
        raise Refused(f"{where}: output {name} does not end like a film or picture, as in result.mp4.")
    if path.is_dir():
        raise Refused(f"{where}: output {path} is a folder; name the file.")
    if len(path.name.encode()) > ONE_NAME:
        raise Refused(f"{where}: output {path.name[:40]}... is too long for a file's name.")
    return path


def server(url: str, where: str) -> str:
    """A server's address in full."""
    try:
        return base_url(url.strip())
    except (ClientError, ValueError):
        raise Refused(f"{where}: server {shown(url)} is no address like http://127.0.0.1:8188.") from None


def media(path: Path, where: str) -> str:
    """Whether a clip is a "video" or an "image", by its suffix."""
    suffix = path.suffix.lower()
    if suffix not in FILMS | PICTURES:
        raise Refused(f"{where}: clip {path.name} does not end like a film or picture, as in clip.mp4.")
    return "image" if suffix in PICTURES else "video"
