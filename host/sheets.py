"""Labelled Grid: clips beside each other, decoded, scaled and labelled one after the other."""

from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor

from ..unsampling import UnsamplingError, tensor_file
from ..unsampling.report.sheet import Sheet
from . import latents, screen
from .packs import wan_vae
from .told import Told


def drawn(
    clips: dict | Tensor, labels: str, columns: int, width: int, vae: Any, node_id: str | None
) -> Tensor:
    """The grid as frames [frames, height, width, 3].

    clips: a LATENT or an IMAGE batch of all clips, one after the other, as many frames each. labels: a line
    for each. columns: 0 for about as many as rows. width: of a clip in pixels, 0 for its own.
    Raises: UnsamplingError where labels do not divide the clips, and for a LATENT without a VAE.
    """
    names = [line.strip() for line in labels.splitlines() if line.strip()]
    if not names:
        raise UnsamplingError("labels is empty; write a line for each clip, or connect Restyle Grid's labels")
    tick, sheet = screen.ticks(len(names)), None
    for i, pictures in enumerate(_pictures(clips, len(names), vae)):
        if sheet is None:
            sheet = _sheet(names, columns, pictures, width, node_id)
        sheet.fill(i, pictures)
        tick()
    assert sheet is not None
    return sheet.frames


def _sheet(names: list[str], columns: int, pictures: Tensor, width: int, node_id: str | None) -> Sheet:
    frames, high, wide = pictures.shape[:3]
    width = min(max(width, 32), 4096) if width else wide
    sheet = Sheet(names, columns, frames, width, max(1, round(high * width / wide)))
    size, (height, across) = tensor_file.bytes_in_words(sheet.frames.nbytes), sheet.layout.size
    clips = f"{len(names)} clips of {frames} frames"
    screen.say(node_id, Told(f"{clips}, {across} x {height} pixels: {size}", clips))
    return sheet


def _pictures(clips: dict | Tensor, count: int, vae: Any) -> Iterator[Tensor]:
    """The frames of each clip; a LATENT is decoded clip by clip, so that one alone is there at its full
    size."""
    if isinstance(clips, Tensor):
        yield from _divided(clips, count, "frames")
        return
    if vae is None:
        raise UnsamplingError("clips is a LATENT and vae is not connected; connect the model's VAE")
    samples = latents.samples_of(clips, "clips")
    for part in _divided(samples, count, "frames" if samples.ndim == 4 else "clips"):
        yield wan_vae.decode(vae, part, _silent)


def _silent(count: int) -> Callable[[], None]:
    """For a decoder that tells each frame: the grid shows its clips alone, and can be cancelled at each."""
    return screen.stop_on_cancel


def _divided(whole: Tensor, count: int, what: str) -> list[Tensor]:
    length, left = divmod(len(whole), count)
    if left or not length:
        raise UnsamplingError(
            f"clips has {len(whole)} {what}, and labels {count} lines, which do not divide them; give a line"
            " for each clip, and clips of one length"
        )
    return list(whole.split(length))
