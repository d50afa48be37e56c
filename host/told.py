"""What a user is told of a run: the whole sentence for the log, and the few words of it that a node has room
for."""

from collections.abc import Iterable

MOST = 60  # characters of a node's status line at its default width
LOG = ": see log"
JOINT = ", "


class Told(str):
    """A sentence, or a part of one; sentences are joined with +.

    brief: the same in few words for the node, what was done before what there is to say of it; none for what
    the log alone has to say."""

    brief: tuple[str, ...]

    def __new__(cls, text: str = "", *brief: str) -> "Told":
        told = super().__new__(cls, text)
        told.brief = brief
        return told

    def __add__(self, other: str) -> "Told":
        return Told(str.__add__(self, other), *self.brief, *brief_of(other))

    def __radd__(self, other: str) -> "Told":
        return Told(str.__add__(other, self), *self.brief)


def brief_of(text: str) -> tuple[str, ...]:
    return text.brief if isinstance(text, Told) else ()


def status(text: str) -> str:
    """A node's status line: what was done, or in its place the first thing that there is to say of it."""
    done, *remarks = brief_of(text) or (text,)
    if not remarks:
        return fitted(done)
    first = remarks[0] if ": " in remarks[0] else remarks[0] + LOG
    return fitted(first, f"{len(remarks) - 1} more") if len(remarks) > 1 else fitted(first)


def fitted(first: str, *parts: str) -> str:
    """As many parts as there is room for, the most important first."""
    if len(first) > MOST:
        return first[: MOST - 3].rsplit(" ", 1)[0].rstrip(" ,;:") + "..."
    for part in parts:
        if part and len(first) + len(JOINT) + len(part) <= MOST:
            first += JOINT + part
    return first


def nothing_new(acts: Iterable[str]) -> str:
    """That a run made nothing new, and what to change, each once; "" where nothing is said to act."""
    *most, last = dict.fromkeys(acts) or [""]
    listed = f"{', '.join(most)} or {last}" if most else last
    return f"same settings, same clip: change the {listed}" if last else ""
