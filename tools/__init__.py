"""Command line helpers that talk to a running ComfyUI server."""
