"""The one module that touches ComfyUI: runs the engine's passes inside the host's own sampling path.

A pass is a comfy.samplers.Sampler of ours, handed to an ordinary guider. So cfg, conditioning hooks,
wrappers, context windows, model loading, previews, progress and cancel are the host's own, while the latent
comes and goes untouched: no noise_scaling, no division by 1 - sigma.
"""

import hashlib
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import comfy.model_base
import comfy.model_management
import comfy.model_sampling
import comfy.sample
import comfy.samplers
import comfy.utils
import latent_preview
import torch
from server import PromptServer
from torch import Tensor
from tqdm.auto import tqdm

from ..unsampling import UnsamplingError, inversion, schedules
from ..unsampling.solvers.evaluation import Callback, Denoise
from . import checks, record

Pass = Callable[[Denoise, Tensor, Callback], Tensor]


@contextmanager
def naming(node: str) -> Iterator[None]:
    """Puts the node's name in front of the engine's sentence about bad input."""
    try:
        yield
    except UnsamplingError as error:
        raise UnsamplingError(f"{node}: {error}") from error


def cfg_guider(model, positive, negative, cfg: float) -> comfy.samplers.CFGGuider:
    """The guider that core's SamplerCustom makes: the MODEL as given; at cfg 1 the negative is not asked."""
    if not cfg >= 0:
        raise UnsamplingError(f"cfg is {cfg:g}; set it to 0 or above (1 switches guidance off)")
    guider = comfy.samplers.CFGGuider(model)
    guider.set_conds(positive, negative)
    guider.set_cfg(cfg)
    return guider


def unsample(guider, latent: dict, sigmas: Tensor, solver: str, end: float, keep: bool, node_id: str) -> dict:
    """Unsamples a LATENT through a guider; returns a LATENT of noise with its record.

    Raises: UnsamplingError before any model call for input that does not fit, and at the model's first NaN.
    """
    model = guider.model_patcher
    sigmas = schedules.check_falling(sigmas)
    start = schedules.start_index(sigmas, end)
    if record.of_latent(latent) is not None:
        raise UnsamplingError("latent_image is already unsampled noise; connect the VAE Encode of the source"
                              " clip")
    checks.refuse_mask(latent)
    samples = _samples(model, latent, "latent_image")
    _check_sample_settings(model)
    calls = inversion.calls_rising(solver, len(sigmas) - 1 - start, keep)
    made: list[inversion.Inversion] = []

    def rise(denoise: Denoise, x: Tensor, report: Callback) -> Tensor:
        made.append(inversion.unsample(denoise, x, sigmas, solver, keep, end, report))
        return made[0].noise

    say(node_id, f"unsampling, {calls} model calls; the preview turns to mush, as it should")
    noise = _run(guider, samples, sigmas[start:].flip(0), rise, calls, "unsampling")
    say(node_id, f"unsampled to sigma {sigmas[start]:.4g} in {made[0].calls} model calls")
    return record.noise_latent(latent, noise, made[0], family(model), guider.cfg)


def resample(guider, latent: dict, sigmas: Tensor | None, solver: str, structure: float, fidelity: float,
             node_id: str) -> dict:
    """Resamples a LATENT of noise through a guider; returns a LATENT.

    Raises: UnsamplingError before any model call for noise or settings that do not fit, and at the model's
    first NaN.
    """
    model = guider.model_patcher
    samples = _samples(model, latent, "noise")
    _check_sample_settings(model)
    kept = record.of_latent(latent)
    if kept is None:
        x = model.model.process_latent_in(samples)
        known, remark = checks.noise_from_elsewhere(x, sigmas, solver), ""
    else:
        known, remark = kept.matched(samples, family(model), sigmas, solver)
    inversion.check_fraction("fidelity", fidelity)
    calls = inversion.calls_falling(known, structure)

    def fall(denoise: Denoise, x: Tensor, report: Callback) -> Tensor:
        noise = known.noise.to(x.device) if known.noise.numel() else x
        return inversion.resample(denoise, replace(known, noise=noise), structure, fidelity, report)

    say(node_id, f"resampling, {calls} model calls{remark}")
    clip = _run(guider, samples, known.sigmas[known.start:], fall, calls, "resampling")
    say(node_id, f"resampled in {calls} model calls{remark}")
    return record.clip_latent(latent, clip)


def family(model) -> record.Family:
    """What noise of this MODEL depends on. Patches, hooks and LoRA are not part of it: they are the edit."""
    sampling = model.get_model_object("model_sampling")
    parents = [c.__name__ for c in type(sampling).__mro__ if c.__module__ == "comfy.model_sampling"]
    table = sampling.sigmas.detach().to("cpu", torch.float32).contiguous().numpy()
    digest = hashlib.blake2b(table, digest_size=8).hexdigest()
    sigma_table = f"{float(sampling.sigma_min):.4g} to {float(sampling.sigma_max):.4g} ({digest})"
    latent_format = type(model.model.latent_format).__name__
    return record.Family(type(model.model).__name__, latent_format, "+".join(parents), sigma_table)


def ays_table(model) -> str:
    """The name of the AYS table that was made for models of this kind.

    Raises: UnsamplingError where there is none.
    """
    if model is None:
        raise UnsamplingError("model_type is auto but no model is connected; connect the model, or choose"
                              " SD1, SDXL or SVD")
    base = model.model
    if isinstance(base, comfy.model_base.SVD_img2vid):
        return "SVD"
    if isinstance(base, comfy.model_base.SDXL | comfy.model_base.SDXLRefiner):
        return "SDXL"
    eps = isinstance(model.get_model_object("model_sampling"), comfy.model_sampling.ModelSamplingDiscrete)
    if eps and type(base.latent_format).__name__ == "SD15":
        return "SD1"
    raise UnsamplingError(f"model is a {type(base).__name__}, for which no AYS table exists; use Basic"
                          " Scheduler with the model's own scheduler (simple or normal), or choose a table"
                          " by hand")


def sigma_min(model) -> float:
    return float(model.get_model_object("model_sampling").sigma_min)


def say(node_id: str, text: str) -> None:
    """Shows a line of text on the node and in the log."""
    logging.info("Unsampling: %s", text)
    if node_id is not None and PromptServer.instance is not None:
        PromptServer.instance.send_progress_text(text, node_id)


def _samples(model, latent: dict, name: str) -> Tensor:
    samples = checks.clip(latent, model.get_model_object("latent_format").latent_channels, name)
    return comfy.sample.fix_empty_latent_channels(model, samples)


def _check_sample_settings(model) -> None:
    """AnimateDiff-Evolved's sample settings that re-noise or replace the latent during sampling.

    Its noise types and noise layers need no check: it leaves noise alone that is all zero, and ours is.
    """
    settings = model.get_attachment("ADE_sample_settings")
    if settings is None:
        return
    culprit = None
    if settings.iteration_opts.iterations > 1:
        culprit = "iteration_opts (FreeInit) adds noise and samples again"
    elif settings.noise_calibration is not None:
        culprit = "noise calibration replaces the noise"
    elif not settings.image_injection.is_empty():
        culprit = "image_inject replaces the latent half way"
    if culprit is not None:
        raise UnsamplingError(f"model has AnimateDiff sample settings whose {culprit}; disconnect it from"
                              " Sample Settings")


def _run(guider, samples: Tensor, sigmas: Tensor, run: Pass, calls: int, name: str) -> Tensor:
    """One pass through the guider. Float32 whatever the host's intermediate type: noise of std 80 needs the
    digits."""
    preview = latent_preview.prepare_callback(guider.model_patcher, calls)
    sampler = _PassSampler(run, samples, sigmas, name)
    quiet = not comfy.utils.PROGRESS_BAR_ENABLED
    no_noise = torch.zeros_like(samples)
    out = guider.sample(no_noise, samples, sampler, sigmas, callback=preview, disable_pbar=quiet, seed=0)
    return out.to(comfy.model_management.intermediate_device(), torch.float32)


class _PassSampler(comfy.samplers.Sampler):
    """Runs one pass of the engine where core would run a k-diffusion sampler."""

    def __init__(self, run: Pass, samples: Tensor, sigmas: Tensor, name: str):
        self.run, self.samples, self.sigmas, self.name = run, samples, sigmas, name

    def sample(self, model_wrap, sigmas, extra_args, callback, noise, latent_image=None, denoise_mask=None,
               disable_pbar=False):
        self._check_untouched(model_wrap, sigmas, noise, latent_image)
        options, seed = extra_args["model_options"], extra_args["seed"]
        windows = options["transformer_options"].get("ADGS")

        def denoise(x: Tensor, sigma: float, step: int) -> Tensor:
            comfy.model_management.throw_exception_if_processing_interrupted()
            if windows is not None:
                # AnimateDiff-Evolved shifts Uniform windows by a step that its callback counts; say which
                # step of the falling schedule this call belongs to, so that both passes see the same windows
                windows.current_step = windows.start_step + step
            return model_wrap(x, x.new_full((x.shape[0],), sigma), model_options=options, seed=seed)

        with tqdm(desc=self.name, disable=disable_pbar) as bar:

            def report(call: int, calls: int, sigma: float, x: Tensor, denoised: Tensor) -> None:
                bar.total = calls
                bar.update()
                if callback is not None:
                    callback(call - 1, denoised, x, calls)

            return self.run(denoise, latent_image, report)

    def _check_untouched(self, model_wrap, sigmas, noise, latent_image) -> None:
        """Whatever else wraps the sampling must not have added noise, changed the latent or cut the
        schedule."""
        samples = self.samples.to(latent_image.device, torch.float32)
        expected = model_wrap.inner_model.process_latent_in(samples)
        if (not torch.equal(sigmas.cpu(), self.sigmas) or torch.count_nonzero(noise) > 0
                or not torch.equal(expected, latent_image)):
            raise UnsamplingError("model carries something that changes the latent, the noise or the"
                                  " schedule on the way to the sampler; disconnect sample settings that"
                                  " inject noise or images")
