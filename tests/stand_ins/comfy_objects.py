"""ComfyUI's objects, as far as host/ reads them, and modules of its names that hold what host/ imports."""

import importlib
import sys
from collections.abc import Callable
from types import ModuleType, SimpleNamespace

import torch
from foreign import Foreign, KeyframeGroup
from torch import Tensor, nn

SAMPLING = "comfy.model_sampling"  # where the parents of a model sampling must come from to be named


def _sampling_class(name: str, *parents: type) -> type:
    return type(name, parents, {"__module__": SAMPLING})


EPS, CONST = _sampling_class("EPS"), _sampling_class("CONST")
ModelSamplingDiscrete = _sampling_class("ModelSamplingDiscrete")


class BaseModel:
    pass


class WAN21_Vace(BaseModel):
    pass


class SDXL(BaseModel):
    pass


class SDXLRefiner(BaseModel):
    pass


class SVD_img2vid(BaseModel):
    pass


class SD15:
    latent_channels = 4

    @staticmethod
    def process_in(samples: Tensor) -> Tensor:
        return samples


class Wan21:
    latent_channels = 16


def sampling(*parents: type, highest: float = 14.6, lowest: float = 0.03):
    """A model sampling of those parents; its sigmas fall in proportion to the percent."""
    made = type("ModelSampling", parents, {})()
    made.sigma_min, made.sigma_max = torch.tensor(lowest), torch.tensor(highest)
    made.sigmas = torch.linspace(lowest, highest, 10)
    made.percent_to_sigma = lambda percent: (1 - percent) * highest if percent > 0 else 999999999.9
    return made


class Model:
    """A MODEL (ComfyUI's ModelPatcher)."""

    def __init__(
        self,
        params=None,
        settings=None,
        motion=None,
        handler=None,
        options: dict | None = None,
        transformer_options: dict | None = None,
        model_sampling=None,
        latent_format=None,
        model: BaseModel | None = None,
    ):
        self.attachments = {"ADE_params": params, "ADE_sample_settings": settings}
        self.additional_models = {} if motion is None else {"ADE": [motion]}
        self.model_options = {"transformer_options": transformer_options or {}, **(options or {})}
        if handler is not None:
            self.model_options["context_handler"] = handler
        self._objects = {
            "model_sampling": model_sampling or sampling(EPS, ModelSamplingDiscrete),
            "latent_format": latent_format or SD15(),
        }
        self.model, self.patches = model or BaseModel(), {}

    def get_attachment(self, key: str):
        return self.attachments.get(key)

    def get_model_object(self, name: str):
        return self._objects[name]


class CFGGuider:
    def __init__(self, model: Model, conds: dict | None = None, cfg: float = 1.0):
        self.model_patcher, self.cfg = model, cfg
        self.model_options = {"transformer_options": {}}
        self.conds = self.original_conds = {"positive": [], "negative": []} if conds is None else conds
        self.inner_model = SimpleNamespace(
            model_sampling=model.get_model_object("model_sampling"), current_patcher=Patcher()
        )

    def set_conds(self, positive, negative) -> None:
        self.original_conds = {"positive": positive, "negative": negative}

    def set_cfg(self, cfg: float) -> None:
        self.cfg = cfg

    def predict_noise(self):
        raise NotImplementedError


class Sampler:
    """What every SAMPLER is."""


class KSAMPLER(Foreign, Sampler):
    """A core SAMPLER around a function of k-diffusion's name."""

    def __init__(self, name: str, **options):
        def function(): ...

        function.__name__ = f"sample_{name}"
        super().__init__(sampler_function=function, extra_options=options)


class Patcher:
    """Counts how often the weights of hooks are made anew."""

    patched = 0

    def clear_cached_hook_weights(self) -> None:
        self.patched += 1

    def patch_hooks(self, hooks) -> None:
        assert hooks is None


class ContextSchedule(Foreign):
    def __init__(self, name: str, func: Callable):
        super().__init__(name=name, func=func)


class ContextFuseMethod(Foreign):
    def __init__(self, name: str):
        super().__init__(name=name)


def _placed(frames: int, handler: "IndexListContextHandler", options: dict) -> list[list[int]]:
    """Windows of a stride, begun at the step; they end with the clip."""
    length, stride = handler.context_length, handler.context_stride
    starts = range(handler._step % stride, frames, length * stride - handler.context_overlap)
    return [list(range(start, min(start + length * stride, frames), stride)) for start in starts]


class IndexListContextHandler(Foreign):
    """Core's context windows. old: those of ComfyUI 0.14, which lacks some fields."""

    def __init__(
        self, schedule: str = "standard_static", fuse: str = "pyramid", old: bool = False, **settings
    ):
        super().__init__(
            context_schedule=ContextSchedule(schedule, _placed),
            fuse_method=ContextFuseMethod(fuse),
            context_length=4,
            context_stride=1,
            context_overlap=1,
            closed_loop=False,
            dim=0,
            _step=0,
        )
        if not old:
            self.cond_retain_index_list, self.latent_retain_index_list = [], []
            self.split_conds_to_windows, self.causal_window_fix = False, True
        assert set(settings) <= set(vars(self))
        vars(self).update(settings)


class HookKeyframe(Foreign):
    def __init__(self, strength: float, start_percent: float = 0.0, start_t: float = 0.0):
        super().__init__(strength=strength, start_percent=start_percent, start_t=start_t, guarantee_steps=1)


class HookKeyframeGroup(KeyframeGroup):
    """Calls the sigma that it met last `_curr_t`."""

    def __init__(self, *keyframes: HookKeyframe):
        super().__init__(*keyframes)
        self._curr_t = -1.0

    @property
    def strength(self) -> float:
        return self.current.strength

    def prepare_current_keyframe(self, curr_t: Tensor, transformer_options: dict) -> None:
        if self._curr_t != curr_t:
            self._curr_t, self._previous_t = curr_t, None
            self.meet(curr_t, transformer_options)


class Hook(Foreign):
    def __init__(self, *keyframes: HookKeyframe):
        super().__init__(hook_keyframe=HookKeyframeGroup(*keyframes))


class HookGroup(Foreign):
    def __init__(self, *hooks: Hook):
        super().__init__(hooks=list(hooks))


class WanVAE(nn.Module):
    """A network whose decoder makes one frame of a clip's first latent frame and four of every other one."""

    def __init__(self):
        super().__init__()
        self.decoder, self.read = _Decoder(), []

    def encode(self, pixels: Tensor) -> Tensor:
        frames = pixels.shape[2]
        slices = [pixels[:, :, :1], *(pixels[:, :, at : at + 4] for at in range(1, frames, 4))]
        return torch.cat([part[..., ::2, ::2].mean(2, keepdim=True) for part in slices], 2)

    def decode(self, samples: Tensor) -> Tensor:
        made = [self.decoder(samples[:, :, at : at + 1], first=at == 0) for at in range(samples.shape[2])]
        joined = [one for part in made for one in (part if isinstance(part, list) else [part])]
        return torch.cat(joined, 2)


class _Decoder(nn.Module):
    """Every second answer is a list of frames, as newer networks give them."""

    def forward(self, latent: Tensor, first: bool) -> Tensor | list[Tensor]:
        big = latent[:, :3].repeat_interleave(2, -1).repeat_interleave(2, -2)
        return big if first else [big * (n + 1) for n in range(4)]


# the modules that host/ imports of ComfyUI, and what it uses of them
MODULES = {
    "comfy": {},
    "comfy.latent_formats": {"LatentFormat": object},
    "comfy.ldm": {},
    "comfy.ldm.wan": {},
    "comfy.ldm.wan.vae": {"WanVAE": WanVAE},
    "comfy.model_base": {"SDXL": SDXL, "SDXLRefiner": SDXLRefiner, "SVD_img2vid": SVD_img2vid},
    SAMPLING: {"CONST": CONST, "ModelSamplingDiscrete": ModelSamplingDiscrete},
    "comfy.model_management": {
        "intermediate_device": lambda: torch.device("cpu"),
        "throw_exception_if_processing_interrupted": lambda: None,
    },
    "comfy.sample": {"fix_empty_latent_channels": lambda model, samples: samples},
    "comfy.samplers": {"CFGGuider": CFGGuider, "Sampler": Sampler},
    "comfy.utils": {"PROGRESS_BAR_ENABLED": False},
    "comfy_execution": {},
    "comfy_execution.utils": {"get_executing_context": lambda: None},
    "comfyui_version": {"__version__": "0.33.0"},
    "folder_paths": {"get_temp_directory": lambda: "nowhere", "get_user_directory": lambda: "nowhere"},
    "latent_preview": {"prepare_callback": lambda model, steps: lambda *_: None},
    "server": {"PromptServer": SimpleNamespace()},
}


def imported(*names: str) -> list[ModuleType]:
    """Modules of host/ that import ComfyUI. Afterwards neither they nor ComfyUI's are known to Python."""
    before = set(sys.modules)
    assert not before & set(MODULES)
    for name, contents in MODULES.items():
        _put(name, contents)
    try:
        return [importlib.import_module(f"unsampling_pack.host.{name}") for name in names]
    finally:
        ours = {name for name in set(sys.modules) - before if name.startswith("unsampling_pack.")}
        for name in sorted(ours | set(MODULES), reverse=True):
            _take(name)


def _put(name: str, contents: dict) -> None:
    sys.modules[name] = ModuleType(name)
    vars(sys.modules[name]).update(contents)
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, sys.modules[name])


def _take(name: str) -> None:
    parent, _, child = name.rpartition(".")
    del sys.modules[name]
    if parent.startswith("unsampling_pack") and parent in sys.modules:
        delattr(sys.modules[parent], child)
