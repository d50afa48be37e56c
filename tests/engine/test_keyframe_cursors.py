"""Keyframes are led to a call's step, with hosts as old as this pack allows: their ControlNets know less."""

from types import SimpleNamespace

import torch

from unsampling_pack.host import keyframes

MODEL = SimpleNamespace(get_attachment=lambda key: None)
FALLING = [8.0, 4.0, 2.0, 0.0]


class Frames:
    """Two timestep keyframes, without masks."""

    keyframes = 2 * [SimpleNamespace(mask_hint_orig=None)]

    def __len__(self) -> int:
        return len(self.keyframes)


class Keyframed:
    """A ControlNet with two timestep keyframes, of a host before several GPUs; keeps the sigmas it met."""

    prev_t = tk_mask_cond_hint_original = tk_mask_cond_hint = weight_mask_cond_hint = 0.0

    def __init__(self):
        self.timestep_keyframes = Frames()
        self.previous_controlnet, self.met = None, []

    def set_timestep_keyframes(self, frames) -> None:
        assert frames is self.timestep_keyframes
        self.met = []

    def prepare_current_timestep(self, sigma, options) -> None:
        assert options["sample_sigmas"].tolist() == FALLING
        self.met.append(float(sigma))


class Plain:
    """A core ControlNet of such a host, in front of another."""

    def __init__(self, previous):
        self.previous_controlnet = previous


def test_a_call_meets_what_lies_above_it_and_a_run_leaves_the_start_behind():
    keyframed = Keyframed()
    guider = SimpleNamespace(
        conds={"positive": [{"control": Plain(keyframed)}, {}], "negative": None},
        inner_model=None,
        model_patcher=MODEL,
    )
    options = {"transformer_options": {"sample_sigmas": torch.tensor(FALLING[::-1])}}
    with keyframes.placed(guider, options) as place:
        place(torch.zeros(1), torch.tensor([2.0]))
        assert keyframed.met == [8.0, 4.0, 2.0]
        place(torch.zeros(1), torch.tensor([6.0]), 1)
        assert keyframed.met == [8.0, 6.0]
    assert keyframed.met == []
