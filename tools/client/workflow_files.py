"""Workflows as they lie about: saved, exported, commented, as the body of a request, in a picture, a film, or
a file of latents."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from tools.client.errors import ClientError

MOST_HEADER = 2**27  # bytes, more than any safetensors file has
KEYS = ("prompt", "workflow")  # under which ComfyUI writes both into what it saves


@dataclass(frozen=True)
class Found:
    """What a file holds: an API prompt, a workflow as the frontend saves it, or both of one run."""

    prompt: dict | None = None
    graph: dict | None = None

    @property
    def said(self) -> dict:
        """What the file itself says about its nodes and models."""
        return self.graph or self.prompt or {}


def is_graph(data: Any) -> TypeGuard[dict]:
    """Whether this is a workflow in UI format."""
    return (
        isinstance(data, dict) and isinstance(data.get("nodes"), list) and isinstance(data.get("links"), list)
    )


def is_api(data: dict) -> bool:
    """Whether this is an API prompt: {id: {class_type, inputs}}."""
    return bool(data) and all(map(_is_node, data.values()))


def read(path: Path) -> Found:
    """The workflow in a file. Raises: ClientError where there is none, with the reason."""
    try:
        latents = _of_latents(path)
        content = path.read_bytes() if latents is None else b""
    except OSError as error:
        raise ClientError(f"The workflow {path} cannot be read ({error.strerror}): check the name.") from None
    try:
        found = find(json.loads(content) if latents is None else _saved(path, latents))
    except RecursionError:
        raise ClientError(f"{path} is nested too deep for a workflow: save it again from ComfyUI.") from None
    except ClientError as error:
        raise ClientError(str(error) if str(path) in str(error) else f"{path}: {error}") from None
    except ValueError as error:
        if not content.strip() or content.lstrip()[:1] in b"{[\xef":
            raise ClientError(f"{path} is not JSON ({error}): save the workflow again.") from None
        found = find(metadata(path))
    if found is None:
        raise ClientError(
            f"{path} holds neither a saved workflow nor an API export: save it again from ComfyUI."
        )
    return found


def find(data: Any) -> Found | None:
    """The workflow in parsed JSON: bare, or wrapped as requests, the history and saved files have it. Raises:
    ClientError where there are several."""
    runs = _runs(data)
    if len(runs) > 1:
        names = ", ".join(name for name, _ in runs[:4]) + (", ..." if len(runs) > 4 else "")
        raise ClientError(f"It holds {len(runs)} workflows ({names}): leave one of them in the file.")
    return runs[0][1] if runs else None


def _runs(data: Any) -> list[tuple[str, Found]]:
    """Every workflow in the data, however deep, with the key or place that tells it from the others."""
    if isinstance(data, str) and data.lstrip()[:1] == "{":  # some servers want it as text
        data = _json(data)
    if is_graph(data):
        return [("", Found(graph=data))]
    if isinstance(data, dict) and any(map(_is_node, data.values())):
        return [("", Found(prompt=_nodes(data)))]
    if not isinstance(data, (dict, list)):
        return []
    items = data.items() if isinstance(data, dict) else enumerate(data, 1)
    inside = [(str(key), _runs(value)) for key, value in items]
    return _joined([run for key, runs in inside for run in _named(key, runs)])


def _named(key: str, runs: list[tuple[str, Found]]) -> list[tuple[str, Found]]:
    return [(key, runs[0][1])] if len(runs) == 1 else runs


def _joined(runs: list[tuple[str, Found]]) -> list[tuple[str, Found]]:
    """Equal ones once; a prompt and a workflow side by side are of one run."""
    once = [run for place, run in enumerate(runs) if run[1] not in [other for _, other in runs[:place]]]
    prompts = [found.prompt for _, found in once if found.prompt is not None]
    graphs = [found.graph for _, found in once if found.graph is not None]
    if len(once) == 2 and len(prompts) == len(graphs) == 1:
        return [(once[0][0], Found(prompts[0], graphs[0]))]
    return once


def _json(text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _is_node(value: Any) -> bool:
    return isinstance(value, dict) and "class_type" in value and isinstance(value.get("inputs"), dict)


def _nodes(data: dict) -> dict:
    """The nodes of an API prompt, without what people write beside them."""
    for id, value in data.items():
        if isinstance(value, dict) and not _is_node(value) and {"class_type", "inputs"} & value.keys():
            raise ClientError(f"Node {id} of the API prompt lacks its class_type or inputs: export it again.")
    return {id: value for id, value in data.items() if _is_node(value)}


# ---- latents, pictures and films


def _of_latents(path: Path) -> list[tuple[str, Any]] | None:
    """The texts in a file of core's Save Latent, or any safetensors file; None for other files."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        if size > MOST_HEADER or file.peek(1)[:1] != b"{":
            return None
        header = _json(file.read(size))
    texts = header.get("__metadata__", {}) if isinstance(header, dict) else None
    return list(texts.items()) if isinstance(texts, dict) else None


def metadata(path: Path) -> dict:
    """Prompt and workflow in what ComfyUI saved. Raises: ClientError for a file without them."""
    try:
        import av
        from av.error import FFmpegError
        from PIL import Image, UnidentifiedImageError
    except ImportError as error:
        raise ClientError(
            f"To read the workflow in {path}, python needs {error.name}: pip install pillow av."
        ) from None
    try:
        with Image.open(path) as image:
            texts = list(_picture_texts(image))
    except (UnidentifiedImageError, OSError, SyntaxError):
        try:
            with av.open(str(path)) as film:
                texts = [item for part in (film, *film.streams) for item in part.metadata.items()]
        except (FFmpegError, OSError):
            raise ClientError(
                f"{path} is neither JSON nor a picture, film or sound that ComfyUI saved: check the file."
            ) from None
    return _saved(path, texts)


def _saved(path: Path, texts: list[tuple[str, Any]]) -> dict:
    """Prompt and workflow among the texts in a file. Raises: ClientError where neither is."""
    found = dict(_parsed(texts))
    if not found:
        raise ClientError(
            f"{path} has no workflow inside: it was saved without, or what it went through removed it; "
            "use the file that ComfyUI wrote."
        )
    return found


def _picture_texts(image: Any) -> Iterator[tuple[str, Any]]:
    """Every text in a picture with its name: PNG's, EXIF's, and those of core's animated PNG."""
    yield from ((key, value) for key, value in image.info.items() if isinstance(key, str))
    for value in image.getexif().values():
        key, _, text = str(value).partition(":")
        yield key, text
    if image.format == "PNG":
        image.seek(getattr(image, "n_frames", 1) - 1)  # they stand behind the last picture
        image.load()
        for chunk in getattr(image, "private_chunks", []):
            key, _, text = chunk[1].partition(b"\0")
            yield key.decode("latin-1"), text.decode("utf-8", "ignore")


def _parsed(texts: list[tuple[str, Any]]) -> Iterator[tuple[str, dict]]:
    """What is JSON under ComfyUI's keys, or, of VideoHelperSuite, under both in the comment."""
    for key, text in texts:
        if key.lower() not in (*KEYS, "comment"):
            continue
        try:
            value = json.loads(text)
        except (TypeError, ValueError):
            continue
        if key.lower() != "comment":
            yield key.lower(), value
        elif isinstance(value, dict):
            both = ((name, value[name]) for name in KEYS if name in value)
            yield from ((name, json.loads(one) if isinstance(one, str) else one) for name, one in both)
