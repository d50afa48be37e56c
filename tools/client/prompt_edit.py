"""Put a prompt text or a media file where a workflow wants it, found by following the links."""

from __future__ import annotations

from collections.abc import Iterator

from tools.client.prompt_nodes import EditError, find_nodes, label, node_widgets
from tools.widgets import Widget, inputs_of

UNSAMPLERS = ("UNS_Unsampler", "UNS_UnsamplerAdvanced")
RESAMPLERS = ("UNS_NoiselessResampler", "UNS_NoiselessResamplerAdvanced")
EXPERTS = "UNS_ExpertsBySigma"
Target = tuple[str, str]  # node id, input name
BY_UPLOAD = {"VHS_LoadVideoPath": "VHS_LoadVideo", "VHS_LoadVideoFFmpegPath": "VHS_LoadVideoFFmpeg"}
FLAG = {"positive": "--prompt", "negative": "--negative"}


class UnclearMedia(EditError):
    """Several nodes load a "video" or "image", and any may be meant. told: which, in words."""

    def __init__(self, kind: str, names: list[str]):
        self.told = f"the workflow loads {len(names)} {kind}s, {', '.join(names)}"
        super().__init__(f'--{kind}: {self.told}: say which, as --{kind} "ID=FILE".')


def set_text(prompt: dict, object_info: dict, role: str, text: str) -> None:
    """Set the text of the encoder behind "positive" or "negative" of the sampler that makes the result; of
    both encoders where two experts have one each."""
    targets = text_inputs(prompt, object_info, role)
    nodes = {node for node, _ in targets}
    if role == "negative" and nodes & {node for node, _ in text_inputs(prompt, object_info, "positive")}:
        raise EditError(
            "--negative: the same text feeds positive and negative in this workflow: give the negative its "
            "own CLIP Text Encode node."
        )
    for side, found in (text_sides(prompt, object_info, role) or {role: []}).items():
        if len({node for node, _ in found}) != 1:
            raise EditError(f'{FLAG[role]}: {_unclear(prompt, side, found)}; use --set "Node.text=...".')
    for node, name in targets:
        prompt[node]["inputs"][name] = text


def _unclear(prompt: dict, side: str, found: list[Target]) -> str:
    nodes = sorted({node for node, _ in found})
    if not nodes:
        return f"no text encoder feeds a sampler's {side} input"
    return f"{len(nodes)} texts feed {side}: {', '.join(label(prompt, node) for node in nodes)}"


def text_inputs(prompt: dict, object_info: dict, role: str) -> list[Target]:
    """Every text input behind the role of the noiseless resamplers if there are any, else of all samplers."""
    sides = text_sides(prompt, object_info, role).values()
    return list(dict.fromkeys(target for targets in sides for target in targets))


def text_sides(prompt: dict, object_info: dict, role: str) -> dict[str, list[Target]]:
    """The same by the name of the input that the texts come in by: the role, and where the low-noise expert
    of a pair has prompts of its own "low_" and the role."""
    starts = [n for n in prompt if prompt[n]["class_type"] in RESAMPLERS] or [
        n for n in prompt if "CONDITIONING" not in _outputs(prompt, object_info, n)
    ]
    sides: dict[str, dict[Target, None]] = {}
    for start in starts:
        for side, source in _entries(prompt, start, role):
            found = _texts(prompt, object_info, *source, role, frozenset())
            sides.setdefault(side, {}).update(dict.fromkeys(found))
    return {side: list(targets) for side, targets in sides.items()}


def _outputs(prompt: dict, object_info: dict, node: str) -> list:
    return object_info.get(prompt[node]["class_type"], {}).get("output") or []


def _entries(prompt: dict, node: str, role: str) -> Iterator[tuple[str, tuple[str, int]]]:
    """Where the role enters a sampler or guider: its input of that name, or its guider's, and that of the
    second of two experts."""
    inputs = prompt[node]["inputs"]
    if prompt[node]["class_type"] == EXPERTS and _is_link(inputs.get(f"low_{role}"), prompt):
        yield f"low_{role}", inputs[f"low_{role}"]
    if _is_link(inputs.get(role), prompt):
        yield role, inputs[role]
    elif role == "positive" and _is_link(inputs.get("conditioning"), prompt):
        yield role, inputs["conditioning"]
    elif _is_link(inputs.get("guider"), prompt):
        yield from _entries(prompt, inputs["guider"][0], role)


def _texts(
    prompt: dict, object_info: dict, node: str, slot: int, role: str, seen: frozenset
) -> Iterator[Target]:
    """Go upstream from an output that carries conditioning to the text inputs it is made of."""
    if (node, slot) in seen:
        return
    own = [
        w.name
        for w in node_widgets(prompt, object_info, node).values()
        if w.type == "STRING" and (w.options.get("multiline") or w.options.get("dynamicPrompts"))
    ]
    if own:
        for name in own:
            yield from _behind(prompt, object_info, node, name)
        return
    for origin, output in _passed_on(prompt, object_info, node, slot, role):
        yield from _texts(prompt, object_info, origin, output, role, seen | {(node, slot)})


def _behind(prompt: dict, object_info: dict, node: str, name: str) -> Iterator[Target]:
    """The text input itself, or the single text of the node linked to it."""
    value = prompt[node]["inputs"].get(name)
    if not _is_link(value, prompt):
        yield node, name
        return
    texts = [w.name for w in node_widgets(prompt, object_info, value[0]).values() if w.type == "STRING"]
    if len(texts) == 1:
        yield from _behind(prompt, object_info, value[0], texts[0])


def _passed_on(prompt: dict, object_info: dict, node: str, slot: int, role: str) -> list[list]:
    """The links an output of conditioning is made from: the input of its name, else all of its kind."""
    info, inputs = object_info.get(prompt[node]["class_type"], {}), prompt[node]["inputs"]
    names = info.get("output_name") or []
    for name in (names[slot] if slot < len(names) else None, role):
        if _is_link(inputs.get(name), prompt):
            return [inputs[name]]
    kinds = {item.name: item.type for item in inputs_of(info)}
    return [
        value
        for name, value in inputs.items()
        if kinds.get(name) == "CONDITIONING" and _is_link(value, prompt)
    ]


def _is_link(value: object, prompt: dict) -> bool:
    return isinstance(value, list) and len(value) == 2 and value[0] in prompt


def _takes_upload(widget: Widget, kind: str, class_type: str) -> bool:
    """Core says it of the widget; VideoHelperSuite's loaders are known by their names, and list files or take
    a path on the server."""
    of_kind = widget.name == kind and f"Load{kind.title()}" in class_type
    listed = of_kind and (widget.choices is not None or class_type in BY_UPLOAD)
    return bool(widget.options.get(f"{kind}_upload")) or listed


def load_uploaded(prompt: dict, object_info: dict, target: Target, name: str) -> None:
    """Have a loader load an uploaded file. One that takes a path on the server, where nobody knows that of an
    upload, becomes its pack's loader of uploads, which has the same inputs and outputs."""
    node, key = target
    prompt[node]["inputs"][key] = name
    other = BY_UPLOAD.get(prompt[node]["class_type"])
    if other in object_info:
        prompt[node]["class_type"] = other


def media_input(prompt: dict, object_info: dict, kind: str, wanted: str | None = None) -> Target:
    """The input that names an uploaded "video" or "image": of the node asked for, else of the only one, else
    of the one whose frames are unsampled: others load a mask, a control or a look.

    Raises: UnclearMedia where several may be meant, EditError where there is none.
    """
    targets = [
        (node, w.name)
        for node in prompt
        for w in node_widgets(prompt, object_info, node).values()
        if _takes_upload(w, kind, prompt[node]["class_type"])
        and not _is_link(prompt[node]["inputs"].get(w.name), prompt)
    ]
    if wanted is not None:
        targets = [target for target in targets if target[0] in find_nodes(prompt, wanted)]
    elif len(targets) > 1:
        clip = _behind_clip(prompt, object_info)
        targets = [target for target in targets if target[0] in clip] or targets
    if len(targets) == 1:
        return targets[0]
    if targets:
        raise UnclearMedia(kind, [label(prompt, node) for node, _ in targets])
    which = f" named {wanted}" if wanted else ""
    raise EditError(
        f"--{kind}: the workflow has no running node{which} that loads {kind}s: add a Load {kind.title()} "
        "node."
    )


def _behind_clip(prompt: dict, object_info: dict) -> set[str]:
    """The nodes that the clips of all Exact Unsamplers are made by, without those of their masks."""
    open_ = [(node, "latent_image") for node in prompt if prompt[node]["class_type"] in UNSAMPLERS]
    found: set[str] = set()
    while open_:
        node, name = open_.pop()
        value = prompt[node]["inputs"].get(name)
        if not _is_link(value, prompt) or value[0] in found or _kind(prompt, object_info, *value) == "MASK":
            continue
        found.add(value[0])
        open_ += [(value[0], key) for key in prompt[value[0]]["inputs"]]
    return found


def _kind(prompt: dict, object_info: dict, node: str, slot: int) -> object:
    """The type of an output; None where the server does not tell it."""
    kinds = _outputs(prompt, object_info, node)
    return kinds[slot] if slot < len(kinds) else None
