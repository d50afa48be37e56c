"""Which clips go from which style to which: the halves that settings are chosen and reported on, and the
sections with other clips or another schedule."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from demo import model, world

HALF = 64  # clips
HALVES = {"tuning": 0, "reporting": HALF}  # the first clip of each
PAIRS = len(world.STYLE_NAMES) * (len(world.STYLE_NAMES) - 1)
SPREAD = 97  # between the seeds of neighbouring clips; prime to the number of them
DARK = ("neon", *world.UNSEEN)
KINDS = ("between light styles", "to a dark style", "from a dark style")


@dataclass(frozen=True)
class Setting:
    """What the clips of a section have in common. source: a style that the model never saw."""

    frames: int = world.FRAMES
    top: float = model.SIGMA_MAX
    source: str | None = None


SETTINGS = {
    "pairs": Setting(),
    "low": Setting(top=14.6),
    "hold": Setting(),
    "unseen": Setting(source="blueprint"),
    "64 frames": Setting(frames=64),
    "256 frames": Setting(frames=256),
}


@dataclass(frozen=True)
class Transfer:
    """One held-out clip and where it goes. Any 30 in a row are all ordered pairs of styles, and any 6 have
    each style once as source and once as target."""

    index: int
    setting: str = "pairs"

    @property
    def seed(self) -> int:
        return world.HELD_OUT[self.index * SPREAD % len(world.HELD_OUT)]

    @property
    def source(self) -> str:
        return self._set.source or world.STYLE_NAMES[self.index % len(world.STYLE_NAMES)]

    @property
    def target(self) -> str:
        count = len(world.STYLE_NAMES)
        return world.STYLE_NAMES[(self.index + 1 + self.index // count % (count - 1)) % count]

    @property
    def condition(self) -> str | None:
        """What the source is unsampled with: its own style, or nothing where the model does not know it."""
        return None if self._set.source else self.source

    @property
    def kind(self) -> str:
        """Which of KINDS; all the same for a pair of dark styles as from one."""
        if self.source in DARK:
            return KINDS[2]
        return KINDS[1] if self.target in DARK else KINDS[0]

    @property
    def crosses(self) -> bool:
        """Whether it goes from a dark style to a bright one, or from a bright one to a dark one."""
        return (self.source in DARK) != (self.target in DARK)

    @property
    def _set(self) -> Setting:
        return SETTINGS[self.setting]

    def content(self) -> world.Content:
        return world.content(self.seed)

    def clip(self) -> Tensor:
        """What is restyled, as a camera would have it."""
        return world.filmed(world.render(self.content(), self.source, self._set.frames), self.seed)

    def noise(self, seed: int | None = None) -> Tensor:
        """Plain random noise of that clip's own."""
        shape = self._set.frames, 3, world.SIZE, world.SIZE
        random = torch.Generator().manual_seed(self.index if seed is None else seed)
        return torch.randn(shape, generator=random)

    def sigmas(self, steps: int) -> Tensor:
        return model.schedule(steps, self._set.top)
