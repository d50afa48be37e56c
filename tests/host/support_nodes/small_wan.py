"""Small Wan models on ComfyUI before 0.15.1, which takes umt5's 4,096 numbers a token for any Wan."""

import json

import comfy.model_detection as detection


def read_widths() -> None:
    """Reads the width of the text from a Wan file's own configuration, as later versions do."""
    detect = detection.detect_unet_config

    def with_widths(state_dict, key_prefix, metadata=None):
        found = detect(state_dict, key_prefix, metadata=metadata)
        if (found or {}).get("image_model") == "wan2.1" and "config" in (metadata or {}):
            found.update(json.loads(metadata["config"]).get("transformer", {}))
        return found

    detection.detect_unet_config = with_widths
