"""One frame restyled on each server, to see whether their bits are the same."""

from __future__ import annotations

import copy
import dataclasses
import json
import tempfile
from pathlib import Path

from tools.client.prompt_nodes import node_widgets
from tools.farm import outputs, pieces, work
from tools.farm.errors import FarmError, Refused
from tools.farm.jobs import digest
from tools.farm.pieces import KEPT, Piece, Upload

LIMITS = ("max_frames", "frame_load_cap")  # inputs of loaders that limit a clip


def piece(whole: dict, clip: Upload, object_info: dict, folder: Path) -> Piece | None:
    """The first frame's restyle, its latent saved; None for a workflow without latents.

    whole: a workflow in one piece. folder: where a clip of one frame may be written.
    """
    prompt, latent = copy.deepcopy(whole), last_latent(whole, object_info)
    if latent is None:
        return None
    limited = False
    for node in prompt:
        for name in node_widgets(prompt, object_info, node).keys() & set(LIMITS):
            if not isinstance(prompt[node]["inputs"].get(name), list):
                prompt[node]["inputs"][name], limited = 1, True
    inputs = {"noise": latent, "filename_prefix": "restyle/probe", "precision": "lossless"}
    prompt = pieces.needed_for(prompt, [latent[0]]) | {KEPT: pieces.saving(inputs)}
    if not limited:
        clip = dataclasses.replace(clip, file=first_frame(clip.file, folder))
    # it has to be computed, not taken from the history of an earlier run
    mark = digest([pieces.plain(prompt), str(folder)])
    target = folder / "probe.safetensors"
    return Piece("the probe frame", "inversion", prompt, (clip,), KEPT, target, mark)


def last_latent(prompt: dict, object_info: dict) -> list | None:
    """The output that carries the last LATENT: one that no other node makes a LATENT of."""
    makers = {
        node: outs.index("LATENT")
        for node in prompt
        if "LATENT" in (outs := object_info.get(prompt[node]["class_type"], {}).get("output") or [])
    }
    used = {one for node in makers for one in pieces.links(pieces.needed_for(prompt, [node]), node)}
    upstream = {one for node in makers for one in pieces.needed_for(prompt, [node]) if one != node}
    last = [node for node in makers if node not in upstream and node not in used]
    return [last[-1], makers[last[-1]]] if last else None


def first_frame(clip: Path, folder: Path) -> Path:
    """A clip of the first frame alone; a picture as it is. Raises: Refused for a file that is no film."""
    import av
    from av.error import FFmpegError

    if clip.suffix.lower() in (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"):
        return clip
    target = folder / "probe.mp4"
    try:
        with av.open(str(clip)) as film:
            frame = next(film.decode(video=0))
            image = frame.to_image()
            rate = film.streams.video[0].average_rate or 24
        image = image.crop((0, 0, image.width - image.width % 2, image.height - image.height % 2))
        with av.open(str(target), "w") as one:
            stream = one.add_stream("libx264", rate=rate, options={"crf": "0"})
            stream.width, stream.height, stream.pix_fmt = image.width, image.height, "yuv420p"
            one.mux(stream.encode(av.VideoFrame.from_image(image)))
            one.mux(stream.encode(None))
    except (FFmpegError, OSError, StopIteration, IndexError) as error:
        raise Refused(f"The clip {clip} has no frame that can be read ({error}).") from None
    return target


def sums(found: Piece, url: str) -> dict[str, str]:
    """Run it on a server: a digest of each tensor that came out, by its name. Raises: FarmError."""
    with tempfile.TemporaryDirectory(prefix="restyle-probe-") as folder:
        target = Path(folder) / "probe.safetensors"
        work.perform(dataclasses.replace(found, target=target), url)
        told, _ = outputs.header(target)
    try:
        return json.loads(told["__metadata__"]["sums"])
    except (KeyError, TypeError, ValueError):
        raise Refused(f"{url} saved noise without sums: update Unsampling there.") from None


def groups(found: dict[str, dict[str, str]]) -> list[list[str]]:
    """Servers of equal bits together, the largest group first, of equal ones the one named first."""
    made: dict[str, list[str]] = {}
    for url, told in found.items():
        made.setdefault(json.dumps(told, sort_keys=True), []).append(url)
    return sorted(made.values(), key=lambda one: -len(one))


__all__ = ["FarmError", "first_frame", "groups", "last_latent", "piece", "sums"]
