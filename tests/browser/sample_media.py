"""The clip and the pictures that stand in for a user's files, so that loaders show a preview."""

from fractions import Fraction
from pathlib import Path

from PIL import Image

from demo.video import pan_over_photograph, write_video
from tools.workflows.models import CLIP, LOOK, PICTURE


def sample_media(folder: Path) -> dict[str, Path]:
    """Draw the files into the folder; the keys are the names the workflows ask for."""
    frames = pan_over_photograph(8, 240, 320)
    media = {CLIP: folder / "clip.mp4", PICTURE: folder / "picture.png", LOOK: folder / "look.png"}
    write_video(media[CLIP], frames, Fraction(8))
    for picture in (PICTURE, LOOK):
        Image.fromarray(frames[0]).save(media[picture])
    return media
