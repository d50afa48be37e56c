"""Recorders and helpers for developers of the pack."""
