"""What runs in or beside a ComfyUI. The host's python runs these files as scripts, each from its own path."""
