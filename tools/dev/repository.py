"""Where the repository lives, which pyproject.toml alone says.

    python tools/dev/repository.py                          # prints it; fails while nobody has filled it in
    python tools/dev/repository.py OWNER/NAME [PUBLISHER]   # fills it in

The registry's publisher is the owner unless another is named. The icon's and the banner's addresses follow.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"
UNKNOWN = "OWNER"  # who owns it, before anybody has said so
CURE = "run python tools/dev/repository.py OWNER/NAME PUBLISHER"
NAME = r"[A-Za-z0-9][\w.-]*"
PLACE = rf"(https://(?:raw\.githubusercontent|github)\.com/)({NAME})/({NAME})"


def place(text: str) -> str | None:
    """OWNER/NAME by the text of a pyproject.toml; None while it is not known."""
    found = re.search(rf'^Repository = "{PLACE}"$', text, re.MULTILINE)
    return f"{found[2]}/{found[3]}" if found and found[2] != UNKNOWN else None


def filled(text: str, where: str, publisher: str) -> str:
    """The text with that repository and publisher. Raises: ValueError for what is no OWNER/NAME."""
    if not re.fullmatch(f"{NAME}/{NAME}", where):
        raise ValueError(f"{where!r} is no repository: write OWNER/NAME as in https://github.com/OWNER/NAME")
    text = re.sub(PLACE, rf"\g<1>{where}", text)
    return re.sub(r'^PublisherId = ".*"$', f'PublisherId = "{publisher}"', text, flags=re.MULTILINE)


def main(arguments: list[str]) -> None:
    """Print the place, or fill it in."""
    text = PROJECT.read_text(encoding="utf-8")
    if arguments:
        where, publisher = arguments[0], arguments[-1].partition("/")[0]
        try:
            text = filled(text, where, publisher)
        except ValueError as error:
            sys.exit(f"error: {error}")
        PROJECT.write_text(text, encoding="utf-8")
    print(place(text) or sys.exit(f"error: {PROJECT.name} does not say where the repository lives: {CURE}"))


if __name__ == "__main__":
    main(sys.argv[1:])
