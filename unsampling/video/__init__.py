"""Frames of a video file, and what is found in them, a few at a time."""
