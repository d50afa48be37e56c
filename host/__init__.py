"""All that knows ComfyUI, or reads what it, or another pack, left on an object."""
