"""Restyle many clips: one job for a farm manager, or clips x styles on one ComfyUI or many."""
