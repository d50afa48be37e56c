"""From a job to what servers run: the whole workflow, or an inversion to keep and a style that loads it."""

from __future__ import annotations

import copy
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.client import ClientError, workflow_files
from tools.client.graph_to_prompt import graph_to_prompt
from tools.client.prompt_edit import (
    RESAMPLERS,
    UNSAMPLERS,
    Target,
    UnclearMedia,
    load_uploaded,
    media_input,
    text_sides,
)
from tools.client.prompt_nodes import EditError, find_nodes, label, node_widgets, set_input
from tools.farm.errors import Refused, one_line
from tools.farm.jobs import Job, content, digest

SAVE, LOAD = "UNS_SaveNoise", "UNS_LoadNoise"
KEPT = "restyle-noise"  # the id of the node that saves or loads the inversion
SUFFIX = ".safetensors"


@dataclass(frozen=True)
class Upload:
    """A file for the server, and the input that gets its name."""

    file: Path
    node: str
    input: str


@dataclass(frozen=True)
class Piece:
    """One run on a server, and the file that it gives."""

    name: str
    kind: str  # "inversion" or "style"
    prompt: dict
    uploads: tuple[Upload, ...]
    saver: str | None  # the node whose file is fetched; None: the only one of the target's form
    target: Path
    mark: str  # of all that decides what comes out

    @property
    def loads(self) -> Path | None:
        """The inversion that it needs."""
        return next((one.file for one in self.uploads if one.node == KEPT), None)


@dataclass(frozen=True)
class Pieces:
    """What a job takes: a style, and first its inversion, where that is kept."""

    style: Piece
    inversion: Piece | None
    whole: dict  # the prompt in one piece, for checks and probes; the clip's place has its digest
    remark: str = ""  # why no inversion is kept, where one was wanted


def of(job: Job, object_info: dict) -> Pieces:
    """The pieces of a job for servers of this object_info. Raises: Refused for what does not fit."""
    try:
        return _of(job, object_info)
    except UnclearMedia as error:
        raise Refused(f"{job.where}: {error.told}: name the node that gets the clip in clip_node.") from None
    except EditError as error:
        text = str(error).removeprefix("--set ").replace("--video", "clip").replace("--image", "clip")
        raise Refused(f"{job.where}: {one_line(text)}") from None
    except ClientError as error:
        raise Refused(f"{job.where}: {one_line(str(error))}") from None


def _of(job: Job, object_info: dict) -> Pieces:
    prompt = prompt_of(job.workflow, object_info)
    for key, value in job.settings.items():
        _set(prompt, object_info, key, value)
    _set_texts(prompt, object_info, job)
    clip = media_input(prompt, object_info, job.kind, job.clip_node)
    load_uploaded(prompt, object_info, clip, f"clip {content(job.clip)}")
    upload = Upload(job.clip, *clip)
    saver = _saver(prompt, job)
    whole = needed_for(prompt, _ends(prompt, object_info))
    if job.noise is None:
        return Pieces(_style(job, whole, (upload,), saver), None, whole)
    unsamplers = [node for node in whole if whole[node]["class_type"] in UNSAMPLERS]
    if len(unsamplers) != 1:
        why = (
            f"{job.where}: the workflow has {len(unsamplers)} Exact Unsamplers, so that no inversion is kept"
        )
        return Pieces(_style(job, whole, (upload,), saver), None, whole, why)
    inversion = _inversion(job, whole, unsamplers[0], upload)
    style = _with_kept(whole, unsamplers[0], inversion.target.name)
    style = needed_for(style, _ends(style, object_info))
    uploads = tuple(u for u in (upload, Upload(inversion.target, KEPT, "file")) if u.node in style)
    return Pieces(_style(job, style, uploads, saver), inversion, whole)


def prompt_of(workflow: Path, object_info: dict) -> dict:
    """A copy of the API prompt in a file. Raises: ClientError."""
    found = workflow_files.read(workflow)
    return copy.deepcopy(found.prompt or graph_to_prompt(found.graph or {}, object_info))


def _set(prompt: dict, object_info: dict, key: str, value: Any) -> None:
    """One of the settings; the longest part before a dot that names a node is the node."""
    parts = key.split(".")
    for count in range(len(parts) - 1, 0, -1):
        name, rest = ".".join(parts[:count]), ".".join(parts[count:])
        nodes = find_nodes(prompt, name)
        if len(nodes) > 1:
            shown = ", ".join(label(prompt, node) for node in nodes)
            raise EditError(f"settings: {name} means {len(nodes)} nodes, {shown}: use the id.")
        if nodes:
            raw = value if isinstance(value, str) else json.dumps(value)
            return set_input(prompt, object_info, nodes[0], rest, raw)
    shown = ", ".join(label(prompt, node) for node in prompt)
    raise EditError(f"settings: the workflow has no running node {parts[0]}. It has {shown}.")


def _set_texts(prompt: dict, object_info: dict, job: Job) -> None:
    texts = {
        "prompt": (job.prompt, text_sides(prompt, object_info, "positive")),
        "negative": (job.negative, text_sides(prompt, object_info, "negative")),
        "source": (job.source, _source_texts(prompt, object_info)),
    }
    taken: dict[tuple[str, str], str] = {}
    for key, (text, sides) in texts.items():
        if text is None:
            continue
        for targets in sides.values() or [[]]:
            if not targets or len({node for node, _ in targets}) > 1:
                found = ", ".join(sorted({label(prompt, node) for node, _ in targets})) or "no text"
                raise EditError(
                    f'{key}: {found} may be meant in this workflow; use settings, as "NODE.text".'
                )
        for node, name in {target: None for targets in sides.values() for target in targets}:
            other = taken.setdefault((node, name), key)
            if other != key and texts[other][0] != text:
                raise EditError(
                    f"{other} and {key} are one text in this workflow, {label(prompt, node)}:"
                    " give the same, or one of them."
                )
            prompt[node]["inputs"][name] = text


def _source_texts(prompt: dict, object_info: dict) -> dict[str, list[Target]]:
    """The texts behind the Exact Unsampler, found as those behind a resampler are."""
    starts = [node for node in prompt if prompt[node]["class_type"] in UNSAMPLERS]
    view = needed_for(prompt, starts)
    for node in starts:
        view[node] = view[node] | {"class_type": RESAMPLERS[0]}
    return text_sides(view, object_info, "positive") if starts else {}


def _saver(prompt: dict, job: Job) -> str | None:
    if job.output_node is None:
        return None
    nodes = find_nodes(prompt, job.output_node)
    if len(nodes) != 1:
        raise EditError(f"output_node: the workflow has {len(nodes)} nodes {job.output_node}.")
    return nodes[0]


def _ends(prompt: dict, object_info: dict) -> list[str]:
    """The nodes that save or show something."""
    found = [n for n in prompt if object_info.get(prompt[n]["class_type"], {}).get("output_node")]
    return found or list(prompt)


def links(prompt: dict, node: str) -> list[str]:
    """The nodes that a node is linked to."""
    inputs = prompt[node]["inputs"].values()
    return [value[0] for value in inputs if isinstance(value, list) and value and value[0] in prompt]


def needed_for(prompt: dict, ends: list[str]) -> dict:
    """A prompt with these nodes and all that they need, in the order of the old one."""
    found, open_ = set(), list(ends)
    while open_:
        node = open_.pop()
        if node not in found:
            found.add(node)
            open_ += links(prompt, node)
    return {node: prompt[node] for node in prompt if node in found}


def _inversion(job: Job, whole: dict, unsampler: str, clip: Upload) -> Piece:
    inputs = {"noise": [unsampler, 0], "filename_prefix": "restyle/noise", "precision": job.precision}
    prompt = needed_for(whole, [unsampler]) | {KEPT: saving(inputs)}
    mark = digest(plain(prompt))
    assert job.noise is not None
    stem = re.sub(r"[^\w-]+", "-", job.clip.stem)[:40]
    target = job.noise / f"{stem}-{mark}{SUFFIX}"
    uploads = (clip,) if clip.node in prompt else ()
    name = f"noise of {job.clip.name} {mark[:12]}"
    return Piece(name, "inversion", prompt, uploads, KEPT, target, mark)


def saving(inputs: dict) -> dict:
    """A Save Noise node."""
    return {"class_type": SAVE, "inputs": inputs, "_meta": {"title": "Save Noise"}}


def _with_kept(whole: dict, unsampler: str, name: str) -> dict:
    """The prompt with Load Noise in place of the Exact Unsampler."""
    style = copy.deepcopy(whole)
    del style[unsampler]
    for node in style.values():
        for key, value in node["inputs"].items():
            if isinstance(value, list) and value and value[0] == unsampler:
                node["inputs"][key] = [KEPT, 0]
    return style | {KEPT: {"class_type": LOAD, "inputs": {"file": name}, "_meta": {"title": "Load Noise"}}}


def _style(job: Job, prompt: dict, uploads: tuple[Upload, ...], saver: str | None) -> Piece:
    mark = digest([plain(prompt), job.output.suffix.lower(), saver])
    return Piece(job.output.name, "style", prompt, uploads, saver, job.output, mark)


def plain(prompt: dict) -> dict:
    """What of a prompt decides the result: without titles, and without the places where results are saved."""
    return {
        node: [one["class_type"], {k: v for k, v in one["inputs"].items() if k != "filename_prefix"}]
        for node, one in prompt.items()
    }


def choices(prompt: dict, object_info: dict, node: str) -> dict[str, list]:
    """What a server offers for each input of a node that is chosen from a list."""
    widgets = node_widgets(prompt, object_info, node).values()
    return {one.name: one.choices for one in widgets if one.choices is not None}
