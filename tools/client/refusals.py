"""Say in words why a server refused a prompt, and what cures it."""

from __future__ import annotations

from tools.client.errors import RefusedError
from tools.client.prompt_nodes import label

# Where loaders look, by input name; a class named here first, since many packs call their input "model_name".
FOLDERS = {
    "ckpt_name": "checkpoints",
    "vae_name": "vae",
    "lora_name": "loras",
    "control_net_name": "controlnet",
    "cnet": "controlnet",
    "unet_name": "diffusion_models",
    "clip_name": "text_encoders",
    "clip_name1": "text_encoders",
    "clip_name2": "text_encoders",
    "style_model_name": "style_models",
    "ipadapter_file": "ipadapter",
}
CLASS_FOLDERS = {
    "ADE_AnimateDiffLoRALoader": "animatediff_motion_lora",
    "CLIPVisionLoader": "clip_vision",
    "UpscaleModelLoader": "upscale_models",
}
MEDIA = {"LoadImage": "--image"} | dict.fromkeys(
    ("LoadVideo", "VHS_LoadVideo", "VHS_LoadVideoPath", "VHS_LoadVideoFFmpeg", "VHS_LoadVideoFFmpegPath"),
    "--video",
)


def explained(refused: RefusedError, prompt: dict, workflow: dict) -> str:
    """One sentence for each input the server refused, else the server's own reason."""
    lines = node_lines(refused.node_errors, prompt, workflow)
    if lines:
        between = "\n  " if len(lines) > 1 else " "
        return "The server refuses the workflow:" + "".join(between + line for line in lines)
    message = str(refused.error.get("message") or refused)
    if refused.error.get("type") == "prompt_no_outputs":
        message = "it has no running node that saves or shows something: add a Save Image or Save Video node"
    if refused.error.get("type") == "missing_node_type":
        message += " Install its pack in ComfyUI-Manager and restart ComfyUI."
    return f"The server refuses the workflow: {message.rstrip('.')}."


def node_lines(node_errors: dict, prompt: dict, workflow: dict) -> list[str]:
    """The sentences for a server's node_errors."""
    return [
        _line(node, error, prompt, workflow)
        for node, problem in node_errors.items()
        for error in problem.get("errors", [])
    ]


def _line(node: str, error: dict, prompt: dict, workflow: dict) -> str:
    name = label(prompt, node) if node in prompt else f"node {node}"
    extra = error.get("extra_info") or {}
    key, value = str(extra.get("input_name") or error.get("details")), extra.get("received_value")
    kind = error.get("type")
    if kind == "required_input_missing":
        return f"Input {key} of {name} is not connected."
    if kind == "value_not_in_list":
        return _not_in_list(node, name, key, value, error, prompt, workflow)
    cure = _media_cure(node, prompt) if kind == "custom_validation_failed" else ""
    details = str(error.get("details") or "")
    said = ": ".join(part for part in (error.get("message"), details if details != key else "") if part)
    return f"Input {key} of {name}: {said.rstrip('.')}{cure}."


def _not_in_list(
    node: str, name: str, key: str, value: object, error: dict, prompt: dict, workflow: dict
) -> str:
    model = _named_model(workflow, value)
    kind = prompt.get(node, {}).get("class_type", "")
    folder = model.get("directory") or CLASS_FOLDERS.get(kind) or FOLDERS.get(key)
    if key == "model_name" and kind.startswith("ADE_"):
        folder = folder or "animatediff_models"
    if folder:
        source = f" (from {model['url']})" if model.get("url") else ""
        return (
            f"{name} needs {key} {value}, which the server lacks: put the file{source} into models/{folder}."
        )
    cure = _media_cure(node, prompt)
    return f"Input {key} of {name}: the server does not offer {value!r} ({error.get('details')}){cure}."


def _media_cure(node: str, prompt: dict) -> str:
    flags = {id: MEDIA.get(one["class_type"]) for id, one in prompt.items()}
    flag = flags.get(node)
    if not flag:
        return ""
    several = list(flags.values()).count(flag) > 1
    return f"; give a file of yours with {flag}" + (f' "{node}=FILE"' if several else "")


def _named_model(workflow: dict, value: object) -> dict:
    """What the workflow itself says about a model file: {name, url, directory}."""
    for node in workflow.get("nodes") or [] if isinstance(workflow.get("nodes"), list) else []:
        for model in (node.get("properties") or {}).get("models") or []:
            if model.get("name") == value:
                return model
    return {}
