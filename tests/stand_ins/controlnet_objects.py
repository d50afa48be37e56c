"""Core's ControlNets, and Advanced-ControlNet's with the fields that they have at 1.5.8."""

from foreign import Foreign, KeyframeGroup
from torch import Tensor


class ControlBase(Foreign):
    def __init__(self, previous=None, clones: dict | None = None):
        super().__init__(previous_controlnet=previous)
        if clones is not None:
            self.multigpu_clones = clones


class LatentKeyframe(Foreign):
    def __init__(self, batch_index: int, strength: float):
        super().__init__(batch_index=batch_index, strength=strength)


class LatentKeyframeGroup(Foreign):
    def __init__(self, strengths: dict[int, float]):
        super().__init__(keyframes=[LatentKeyframe(*one) for one in strengths.items()])


class ControlWeights(Foreign):
    def __init__(self, weight_mask: Tensor | None = None):
        super().__init__(weight_mask=weight_mask)


class TimestepKeyframe(Foreign):
    def __init__(
        self,
        start_percent: float = 0.0,
        mask: Tensor | None = None,
        start_t: float = 0.0,
        latents: LatentKeyframeGroup | None = None,
        weights: ControlWeights | None = None,
    ):
        super().__init__(start_percent=start_percent, mask_hint_orig=mask, start_t=start_t, guarantee_steps=1)
        self.latent_keyframes, self.control_weights = latents, weights


class TimestepKeyframeGroup(KeyframeGroup):
    def __len__(self) -> int:
        return len(self.keyframes)


class AdvancedControlBase(ControlBase):
    """Keeps the place in its keyframes itself: a new start is made by giving it its group again."""

    def __init__(self, *keyframes: TimestepKeyframe, **more):
        super().__init__(**more)
        self.prev_t = self.tk_mask_cond_hint_original = None
        self.tk_mask_cond_hint = self.weight_mask_cond_hint = None
        self.set_timestep_keyframes(TimestepKeyframeGroup(*keyframes))

    def set_timestep_keyframes(self, keyframes: TimestepKeyframeGroup) -> None:
        self.timestep_keyframes = keyframes
        self.timestep_keyframes.reset()

    def prepare_current_timestep(self, t: Tensor, transformer_options: dict) -> None:
        if self.prev_t != t[0]:
            self.prev_t, self.timestep_keyframes._previous_t = t[0], None
            self.timestep_keyframes.meet(t[0], transformer_options)
