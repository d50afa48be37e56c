"""Whether a server has what a workflow needs, and in what servers differ."""

from __future__ import annotations

from dataclasses import dataclass, field

from tools.client import Client, ClientError
from tools.client.prompt_nodes import label
from tools.client.refusals import CLASS_FOLDERS, FOLDERS
from tools.farm import pieces
from tools.farm.errors import judged
from tools.farm.jobs import digest
from tools.farm.pieces import Piece

FACTS = ("comfyui_version", "python_version", "pytorch_version")


@dataclass(frozen=True)
class Asked:
    """What a server said of itself."""

    url: str
    away: str = ""  # why it is not there
    lacks: tuple[str, ...] = ()
    facts: dict[str, str] = field(default_factory=dict)


def ask(url: str, needed: list[Piece], timeout: float = 30.0) -> Asked:
    """Compare a server with what the pieces need."""
    try:
        client = Client(url, timeout=timeout)
        object_info = client.object_info()
        stats = client.http.json("GET", "/system_stats")
    except (ClientError, OSError) as error:
        return Asked(url, away=str(judged(error)))
    return Asked(url, "", tuple(lacking(needed, object_info)), facts(stats, object_info, needed))


def distinct(found: list[Piece], object_info: dict) -> list[Piece]:
    """Of pieces that ask a server for the same nodes and files, one."""
    kept: dict[str, Piece] = {}
    for piece in found:
        asked = [
            [
                one["class_type"],
                {k: one["inputs"].get(k) for k in pieces.choices(piece.prompt, object_info, node)},
            ]
            for node, one in piece.prompt.items()
        ]
        sent = [[one.node, one.input] for one in piece.uploads]
        for node, name in sent:  # what is sent has another name for each piece
            at = list(piece.prompt).index(node)
            asked[at][1].pop(name, None)
        kept.setdefault(digest([asked, sent]), piece)
    return list(kept.values())


def lacking(needed: list[Piece], object_info: dict) -> list[str]:
    """What the server lacks for these pieces: nodes and models, each once, in words."""
    found: dict[str, None] = {}
    for piece in needed:
        for node, one in piece.prompt.items():
            kind = one["class_type"]
            if kind not in object_info:
                found[f"the node {kind}"] = None
                continue
            sent = {upload.input for upload in piece.uploads if upload.node == node}
            offered = pieces.choices(piece.prompt, object_info, node)
            for name, choices in offered.items():
                value = one["inputs"].get(name)
                if name not in sent and not _offered(value, choices):
                    found[_words(piece.prompt, node, name, value)] = None
    return list(found)


def _offered(value: object, choices: list) -> bool:
    # a list is a link, or several choices, which the server checks itself
    return value is None or isinstance(value, (list, dict)) or value in choices


def _words(prompt: dict, node: str, name: str, value: object) -> str:
    kind = prompt[node]["class_type"]
    folder = CLASS_FOLDERS.get(kind) or FOLDERS.get(name)
    if name == "model_name" and kind.startswith("ADE_"):
        folder = "animatediff_models"
    where = f" in models/{folder}" if folder else ""
    return f"{value}{where} for {name} of {label(prompt, node)}"


def facts(stats: dict, object_info: dict, needed: list[Piece]) -> dict[str, str]:
    """Versions, devices, and a digest of how each node that is needed looks, but its lists of files."""
    system = stats.get("system") or {}
    found = {key: str(system[key]) for key in FACTS if key in system}
    devices = [str(one.get("name")) for one in stats.get("devices") or [] if isinstance(one, dict)]
    found["devices"] = ", ".join(devices)
    kinds = {one["class_type"] for piece in needed for one in piece.prompt.values()}
    for kind in sorted(kinds & object_info.keys()):
        found[f"the node {kind}"] = digest(_without_lists(object_info[kind]))[:8]
    return found


def _without_lists(info: dict) -> dict:
    """The interface of a node, without the files that lie on the server."""
    parts = {}
    for part, inputs in (info.get("input") or {}).items():
        parts[part] = {
            name: "list"
            if isinstance(spec, list) and spec and (isinstance(spec[0], list) or spec[0] == "COMBO")
            else spec
            for name, spec in inputs.items()
        }
    return {"input": parts, "output": info.get("output"), "module": info.get("python_module")}


def differences(asked: list[Asked]) -> list[str]:
    """In what the servers differ, a sentence for each fact."""
    keys = dict.fromkeys(key for one in asked for key in one.facts)
    lines = []
    for key in keys:
        groups: dict[str, list[str]] = {}
        for one in asked:
            groups.setdefault(one.facts.get(key, "none"), []).append(one.url)
        if len(groups) > 1:
            told = [
                f"{'' if key.startswith('the node') else value + ' on '}{', '.join(urls)}"
                for value, urls in groups.items()
            ]
            lines.append(f"The servers differ in {key}: {'; '.join(told)}.")
    return lines
