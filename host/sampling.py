"""Runs the engine's passes inside ComfyUI's own sampling path.

A pass is a comfy.samplers.Sampler of ours, handed to an ordinary guider. So cfg, conditioning hooks,
wrappers, context windows, model loading, previews, progress and cancel are the host's own, while the latent
comes and goes untouched: no noise_scaling, no division by 1 - sigma.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import comfy.model_management
import comfy.sample
import comfy.samplers
import comfy.utils
import folder_paths
import latent_preview
import torch
from torch import Tensor
from tqdm.auto import tqdm

from ..unsampling import Inversion, UnsamplingError, inversion, schedules
from ..unsampling.progress import with_time_left
from ..unsampling.solvers.evaluation import Callback, Denoise
from . import admission, experts, keyframes, masks, places
from .experts import Session
from .packs import animatediff_keyframes, core, core_conditions, ipadapter
from .repeats import Repeats
from .screen import naming, running_node, show
from .told import Told, fitted

# The model as the guider asks it: at its own cfg, given None, or at another; two experts have one each.
Guidance = float | tuple[float, float] | None
AtCfg = Callable[[Guidance], Denoise]
Pass = Callable[[AtCfg, Tensor, Callback], Tensor]


def run(
    guider,
    samples: Tensor,
    sigmas: Tensor,
    sampler: comfy.samplers.Sampler,
    calls: int,
    on_step: Callback | None = None,
) -> Tensor:
    """One pass through the guider. Float32 whatever the host's intermediate type: noise of std 80 needs it.

    on_step: called after each step of a core sampler, with its number and how many there are.
    Raises: UnsamplingError where the model stops at conditions of another length than the clip.
    """
    show = latent_preview.prepare_callback(guider.model_patcher, calls)

    def preview(step: int, denoised: Tensor, x: Tensor, steps: int) -> None:
        show(step, denoised, x, steps)
        if on_step is not None:
            on_step(step + 1, steps, 0.0, x, denoised)

    no_noise, quiet = torch.zeros_like(samples), not comfy.utils.PROGRESS_BAR_ENABLED
    guider = experts.with_each(guider, ipadapter.in_windows)
    sample = guider.run if isinstance(guider, experts.Experts) else guider.sample
    try:
        out = sample(no_noise, samples, sampler, sigmas, callback=preview, disable_pbar=quiet, seed=0)
    except RuntimeError as error:
        _refuse_length(error, guider, samples)
        raise
    return out.to(comfy.model_management.intermediate_device(), torch.float32)


def _refuse_length(error: RuntimeError, guider, samples: Tensor) -> None:
    """Says in the user's words what torch says of sizes, where conditions are of another length."""
    count = core_conditions.of_other_length(core.conditions(guider), samples)
    if count is not None and "size" in str(error).lower():
        raise UnsamplingError(
            f"positive and negative have a video of {count} latent frames, and the clip has"
            f" {samples.shape[2]}: set length of the node that made them to the clip's frames"
        ) from error


def pass_sampler(
    one_pass: Pass, samples: Tensor, sigmas: Tensor, start: int, first: float | None = None
) -> comfy.samplers.Sampler:
    """A pass of the engine for run(), which hands it the same samples and sigmas.

    start: the index of the highest of these sigmas in the whole schedule. first: where the pass asks first,
    if not where these begin.
    """
    return _PassSampler(one_pass, samples, sigmas, start, first)


def plain_sampler(solver: str, rising: bool) -> comfy.samplers.Sampler:
    """One of our pairs, without record, as a SAMPLER for core's custom samplers."""
    return _PlainSampler(solver, rising)


def mask(latent: dict, samples: Tensor, name: str, held: int | None) -> Tensor | None:
    """A LATENT's noise mask at the size of its samples, one channel; None where it has none.

    samples: as the model works on them. A picture's mask is fitted before the picture gets a time axis.
    name: of the input. held: how many frames of the clip a latent frame holds, if that is known; it has the
    union of their masks. Raises: UnsamplingError as masks.check().
    """
    noise_mask = latent.get("noise_mask")
    if noise_mask is None:
        return None
    picture = samples.ndim == 5 and latent["samples"].ndim == 4
    shape = latent["samples"].shape if picture else samples.shape
    masks.check(noise_mask, tuple(shape), name, held, joined=places.joined(latent))
    of_frames = masks.of_latent_frames(noise_mask.float(), tuple(shape), held).clamp(0, 1)
    fitted = comfy.utils.reshape_mask(of_frames, shape)[:, :1]
    return fitted.unsqueeze(2) if picture else fitted


def with_time_axis(model, samples: Tensor) -> Tensor:
    """A picture's latent as a one-frame clip where the model works on clips."""
    return comfy.sample.fix_empty_latent_channels(model, samples)


def device() -> torch.device:
    """Where ComfyUI computes."""
    return comfy.model_management.get_torch_device()


def temp_folder() -> Path:
    """Where a long clip's record goes; ComfyUI clears it when it starts and when it ends."""
    return Path(folder_paths.get_temp_directory())


class _PassSampler(comfy.samplers.Sampler):
    """Runs one pass of the engine where core would run a k-diffusion sampler."""

    def __init__(self, one_pass: Pass, samples: Tensor, sigmas: Tensor, start: int, first: float | None):
        self.one_pass, self.samples, self.sigmas, self.start = one_pass, samples, sigmas, start
        self.first = first

    def in_turns(self, session: Session) -> "_PassSampler":
        """For both guiders of a pair."""
        one_pass = session.of_pass(self.one_pass)
        return _PassSampler(one_pass, self.samples, self.sigmas, self.start, self.first)

    def sample(
        self,
        model_wrap,
        sigmas,
        extra_args,
        callback,
        noise,
        latent_image: Tensor,
        denoise_mask=None,
        disable_pbar=False,
    ):
        samples = self.samples.to(latent_image.device, torch.float32)
        expected = core.running_model(model_wrap).process_latent_in(samples)
        if (
            not torch.equal(sigmas.cpu(), self.sigmas)
            or torch.count_nonzero(noise) > 0
            or not torch.equal(expected, latent_image)
        ):
            raise UnsamplingError(
                "model carries something that changes the latent, the noise or the"
                " schedule on the way to the sampler; disconnect sample settings that"
                " inject noise or images"
            )
        return _inside(
            model_wrap, extra_args, callback, disable_pbar, self.one_pass, latent_image, self.start
        )


class _PlainSampler(comfy.samplers.Sampler):
    """A plain pair for core's custom samplers, which hand over whatever schedule and noise the user
    connected."""

    def __init__(self, solver: str, rising: bool, session: Session | None = None):
        self.solver, self.rising, self.session = solver, rising, session

    def in_turns(self, session: Session) -> "_PlainSampler":
        """For both guiders of a pair."""
        return _PlainSampler(self.solver, self.rising, session)

    def sample(
        self,
        model_wrap,
        sigmas,
        extra_args,
        callback,
        noise,
        latent_image: Tensor,
        denoise_mask=None,
        disable_pbar=False,
    ):
        name = "unsample" if self.rising else "resample"
        with naming(f"Inversion Sampler ({name})"):
            falling = sigmas.cpu()
            if self.rising and len(falling) > 1 and falling[0] < falling[-1]:
                falling = falling.flip(0)
            falling = schedules.check_falling(falling)
            session = self.session
            guider = model_wrap if session is None else session.experts
            admission.admit(guider, tuple(latent_image.shape), falling, rising=self.rising)
            if torch.count_nonzero(noise) > 0:
                raise UnsamplingError("noise was added; switch add_noise off, or connect Disable Noise")
            if denoise_mask is not None:
                raise UnsamplingError(
                    "the latent carries a noise mask; use the Exact Unsampler and the Noiseless"
                    " Resampler, which keep what is outside it"
                )
            node, done = running_node(), "unsampled" if self.rising else "resampled"
            seen = Repeats(self.rising, core.guidance(guider))

            def one_pass(at_cfg: AtCfg, x: Tensor, report: Callback) -> Tensor:
                denoise = at_cfg(None)
                timed = seen.watched(with_time_left(report, lambda at: show(node, fitted(*at))))
                if self.rising:
                    how = {"callback": timed, "compare": seen.compare, "border": experts.border_of(guider)}
                    return inversion.unsample(denoise, x, falling, self.solver, False, **how).noise
                return inversion.resample(denoise, Inversion(x, falling, self.solver), callback=timed)

            turned = one_pass if session is None else session.of_pass(one_pass)
            out = _inside(model_wrap, extra_args, callback, disable_pbar, turned, latent_image)
            show(node, Told(done, done) + seen.remark + experts.remark(guider, falling))
            return out


def _inside(
    model_wrap, extra_args: dict, callback, quiet: bool, one_pass: Pass, x: Tensor, start: int = 0
) -> Tensor:
    """One pass on the guider's own model function; every model call is a tick, and can be cancelled."""
    options, seed = extra_args["model_options"], extra_args["seed"]
    falling = core.falling_sigmas(options)

    def at_cfg(cfg: Any) -> Denoise:
        guider = model_wrap if cfg is None else core.at_cfg(model_wrap, cfg)

        def denoise(x: Tensor, sigma: float, step: int) -> Tensor:
            comfy.model_management.throw_exception_if_processing_interrupted()
            # which step of the falling schedule this call belongs to: so both passes see the same windows
            core.mark_step(options, falling, step - start, sigma)
            animatediff_keyframes.set_step(options, step)
            sigmas = x.new_full((x.shape[0],), sigma)
            place(x, sigmas, step - start)
            return guider(x, sigmas, model_options=options, seed=seed)

        return denoise

    with keyframes.placed(model_wrap, options) as place, tqdm(disable=quiet) as bar:

        def report(call: int, calls: int, sigma: float, x: Tensor, denoised: Tensor) -> None:
            bar.total = calls
            bar.update(call - bar.n)
            if callback is not None:
                callback(call - 1, denoised, x, calls)

        return one_pass(at_cfg, x, report)
