"""What the demo's small model makes of one clip, for the pictures of the help pages.

Each clip is made when a picture first asks for it, and kept in a folder: what is there is not made again.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from unsampling import Inversion, mix, noise_file, resample, unsample
from unsampling.mirror import of_pixels
from unsampling.solvers.evaluation import Callback

from ..clip import built_in
from ..model import Denoise, denoiser, load, schedule
from ..run import THREADS
from ..world import FRAMES

SEED, SOURCE, STEPS, CFG = 29, "flat", 12, 2.0
MIXED = 0.3  # the share of fresh noise


class Clips:
    """Clips [frames,3,height,width] from -1 to 1 that the demo's small model made, kept in a folder."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def source(self) -> Tensor:
        """The clip that all others are made of: one of the world, held out from the model's training."""
        with tempfile.TemporaryDirectory() as folder:
            return built_in(Path(folder) / "clip.mp4", SEED, SOURCE, FRAMES).x

    def inversion(self) -> Inversion:
        """The clip unsampled with a prompt of its own style, and a direct path as long as it needs."""
        path = self.folder / "inversion.safetensors"
        if not path.is_file():
            way: list[Tensor] = []
            keep: Callback = lambda _call, _calls, _sigma, x, _denoised: way.append(x[:1].clone())  # noqa: E731
            made = unsample(_asked(SOURCE), self.source(), schedule(STEPS), direct=None, callback=keep)
            save_file({"clip": torch.cat(way)}, self.folder / "way up.safetensors")
            noise_file.save(iter([path]), noise_file.Saved(made.noise, made), half=False)
        found = noise_file.load(path).inversion
        assert found is not None
        return found

    def way_up(self) -> Tensor:
        """The clip's first frame at each model call of the way up."""
        self.inversion()
        return load_file(self.folder / "way up.safetensors")["clip"]

    def back(self) -> Tensor:
        """The clip from its noise, asked for in its own style again."""
        return self._kept("back", lambda: resample(_asked(SOURCE), self.inversion()))

    def plain_back(self) -> Tensor:
        """The same by the solver alone, without the record."""
        return self._kept(
            "back without record",
            lambda: resample(_asked(SOURCE), self.inversion(), fidelity=0.0, direct=0.0),
        )

    def restyled(self, style: str, structure: float = 0.0, direct: float | None = None) -> Tensor:
        """The clip from its noise in another style."""
        name = f"{style}, structure {structure:g}, direct {direct}"
        return self._kept(name, lambda: _fallen(self.inversion(), style, structure, direct))

    def mixed(self) -> Inversion:
        """The clip's noise with a share of it fresh, as Mix Noise makes it."""
        made = self.inversion()
        x = mix.with_fresh(made.noise, self.source(), MIXED, 0, range(FRAMES))
        return replace(made, noise=x, mixed=True)

    def restyled_of_mixed(self, style: str) -> Tensor:
        """That noise in another style."""
        return self._kept(f"{style}, mixed", lambda: _fallen(self.mixed(), style, 0.0, None))

    def _kept(self, name: str, make: Callable[[], Tensor]) -> Tensor:
        path = self.folder / f"{name}.safetensors"
        if not path.is_file():
            print(f"the demo's model: {name}")
            save_file({"clip": make().contiguous()}, path)
        return load_file(path)["clip"]


def _asked(style: str, cfg: float = 1.0) -> Denoise:
    torch.set_num_threads(THREADS)
    return denoiser(load(), style, cfg)


def _fallen(noise: Inversion, style: str, structure: float, direct: float | None) -> Tensor:
    """Grown from noise at CFG; the direct path is walked at the unsampling's, 1, as in the nodes."""
    asked = _asked(style, CFG)
    how = {"direct": direct, "direct_denoise": _asked(style), "mirror": of_pixels()}
    return resample(asked, noise, structure, **how).clamp(-1, 1)
