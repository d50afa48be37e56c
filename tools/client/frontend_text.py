"""What ComfyUI's frontend does to text on its way into a prompt: wildcards, comments, dates in file names."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from datetime import datetime

COMMENT = r"(?s)/\*.*?\*/|//[^\n\r\u2028\u2029]*"
DATE_PART = r"d{1,2}|M{1,2}|y{2,4}|h{1,2}|m{1,2}|s{1,2}"
NO_FILE_NAME = r'[/?<>\\:*|"\x00-\x1f\x7f]'


def chosen_prompt(text: str, choose: Callable[[list[str]], str] = random.choice) -> str:
    """Drop comments and replace each {a|b} by one of its choices; a backslash keeps a brace or bar."""
    result, _ = _parse(re.sub(COMMENT, "", text), 0, choose, inside=False)
    return re.sub(r"\\([{}|])", r"\1", "".join(result))


def _parse(text: str, at: int, choose: Callable, inside: bool) -> tuple[list[str], int]:
    """Read up to the end, or the brace that closes a block; the options read so far and where it stopped."""
    options, depth = [""], 0
    while at < len(text):
        char = text[at]
        at += 1
        if char == "\\":
            options[-1] += char + text[at : at + 1]
            at += 1
        elif not inside and char == "{":
            choices, at = _parse(text, at, choose, inside=True)
            options[-1] += chosen_prompt(choose(choices), choose)
        elif inside and char == "}" and depth == 0:
            break
        elif inside and char == "|" and depth == 0:
            options.append("")
        else:
            depth += {"{": 1, "}": -1}.get(char, 0) if inside else 0
            options[-1] += char
    return options, at


def replaced(text: str, widget_value: Callable[[str, str], object], now: datetime | None = None) -> str:
    """Fill in %date:yyyy-MM-dd% and %Node.widget%; `widget_value` raises KeyError for the unknown."""

    def one(match: re.Match) -> str:
        key = match[1]
        if key.startswith("date:"):
            return _date(key.removeprefix("date:"), now or datetime.now())
        node, dot, widget = key.partition(".")
        if not dot or "." in widget:
            return match[0]
        try:
            return re.sub(NO_FILE_NAME, "_", _as_text(widget_value(node, widget)))
        except KeyError:
            return match[0]

    return re.sub(r"%([^%]+)%", one, text)


def _as_text(value: object) -> str:
    """A widget's value as JavaScript writes it."""
    if value is None or isinstance(value, bool):
        return {None: "", True: "true", False: "false"}[value]
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _date(format: str, now: datetime) -> str:
    parts = {"d": now.day, "M": now.month, "h": now.hour, "m": now.minute, "s": now.second}

    def one(match: re.Match) -> str:
        part = match[0]
        if part[0] == "y":
            return part if part == "yyy" else str(now.year)[-len(part) :]
        return str(parts[part[0]]).zfill(len(part))

    return re.sub(DATE_PART, one, format)
