"""The support nodes themselves. Their ids are put together at run time and their base has another name here,
so that no scanner of registries takes them for the pack's (tests/tools/test_registry_scan.py)."""

from __future__ import annotations

import json
import uuid
import zlib
from pathlib import Path

import comfy.clip_vision
import comfy.model_patcher
import comfy.samplers
import comfy.supported_models
import folder_paths
import torch
from comfy.clip_vision import Output
from comfy_api.latest import ComfyExtension, io
from safetensors.torch import load_file, save_file

from . import foreign_fields
from .analytic import ROUNDED, AnalyticWrapper, Faults
from .clones import split
from .experts import watch
from .layouts import layouts
from .memory import PATCHES, PatchWrapper
from .mixture import Mixture
from .watched import PROBES, WatchedWrapper, bias_hook

NODES = []
Base = io.ComfyNode


def node(cls):
    """Give a node class below its id and its place in the list of the extension."""
    NODES.append(cls)
    return cls


def schema(name: str, inputs: list, outputs: list, **more) -> io.Schema:
    """A schema with the prefix and category that all of these nodes share."""
    return io.Schema(
        node_id=f"UNSTest_{name}", category="testing/unsampling", inputs=inputs, outputs=outputs, **more
    )


def input_file(name: str) -> Path:
    """A file of the server's input folder."""
    return Path(folder_paths.get_input_directory()) / name


def output_file(name: str) -> Path:
    """A file of the server's output folder, which is made if need be."""
    folder = Path(folder_paths.get_output_directory())
    folder.mkdir(parents=True, exist_ok=True)
    return folder / name


class Fresh(Base):
    """A node that runs in every prompt: a test wants a run, never a cached one."""

    @classmethod
    def fingerprint_inputs(cls, **kwargs):
        return uuid.uuid4().hex


@node
class SaveTensors(Fresh):
    """Write what comes in to <name>.safetensors; has_unsampling says whether the LATENT carries a record."""

    @classmethod
    def define_schema(cls):
        inputs = [
            io.String.Input("name"),
            io.Latent.Input("latent", optional=True),
            io.Sigmas.Input("sigmas", optional=True),
            io.Image.Input("images", optional=True),
            io.Mask.Input("mask", optional=True),
        ]
        return schema("SaveTensors", inputs, [], is_output_node=True)

    @classmethod
    def execute(cls, name, latent=None, sigmas=None, images=None, mask=None):
        found = {"sigmas": sigmas, "images": images, "mask": mask}
        if latent is not None:
            found |= {"samples": latent["samples"], "noise_mask": latent.get("noise_mask")}
            found["has_unsampling"] = torch.tensor("unsampling" in latent)
        tensors = {key: t.detach().cpu().contiguous().clone() for key, t in found.items() if t is not None}
        save_file(tensors, str(output_file(f"{name}.safetensors")))
        return io.NodeOutput()


@node
class SameMemory(Fresh):
    """Write to <name>.json whether two batches of images lie in one piece of memory."""

    @classmethod
    def define_schema(cls):
        inputs = [io.String.Input("name"), io.Image.Input("one"), io.Image.Input("other")]
        return schema("SameMemory", inputs, [], is_output_node=True)

    @classmethod
    def execute(cls, name, one, other):
        one, other = (images.untyped_storage().data_ptr() for images in (one, other))
        output_file(f"{name}.json").write_text(json.dumps(one == other))
        return io.NodeOutput()


@node
class LoadLatent(Fresh):
    """A LATENT from a .safetensors of the input folder: "samples" and, if there, "noise_mask"."""

    @classmethod
    def define_schema(cls):
        return schema("LoadLatent", [io.String.Input("file")], [io.Latent.Output()])

    @classmethod
    def execute(cls, file):
        return io.NodeOutput(load_file(str(input_file(file))))


@node
class ClipLike(Base):
    """The LATENT with frames that drift apart in place of its samples, as an encoded clip's do."""

    @classmethod
    def define_schema(cls):
        return schema("ClipLike", [io.Latent.Input("latent")], [io.Latent.Output()])

    @classmethod
    def execute(cls, latent):
        drawn = torch.randn(latent["samples"].shape, generator=torch.Generator().manual_seed(5))
        first = drawn[:, :, :1] if drawn.ndim == 5 else drawn[:1]
        return io.NodeOutput(latent | {"samples": 0.8 * first + 0.3 * drawn})


@node
class DrawnVision(Base):
    """A CLIP_VISION that answers for any picture in the shapes of ViT-H, which has 632 million weights."""

    @classmethod
    def define_schema(cls):
        return schema("DrawnVision", [], [io.ClipVision.Output()])

    @classmethod
    def execute(cls):
        return io.NodeOutput(Vision())


class Vision:
    """What nodes ask of a CLIP_VISION."""

    def encode_image(self, image, crop=True):
        tokens = torch.arange(257 * 1280).cos().reshape(1, 257, 1280) * image.mean()
        found = Output()
        found.penultimate_hidden_states = found.last_hidden_state = tokens.expand(len(image), -1, -1)
        found.image_embeds = found.last_hidden_state[:, 0, :1024]
        return found


ODD = {
    "float8": lambda latent: latent | {"samples": latent["samples"].to(torch.float8_e4m3fn)},
    "float16": lambda latent: latent | {"samples": latent["samples"].half().float()},
    "next number": lambda latent: latent | {"samples": latent["samples"].nextafter(latent["samples"] + 1)},
    "sparse": lambda latent: latent | {"samples": latent["samples"].to_sparse()},
    "a list": lambda latent: latent | {"samples": latent["samples"].tolist()},
    "no samples": lambda latent: {},
    "video": lambda latent: latent | {"samples": latent["samples"].movedim(0, 1).unsqueeze(0)},
    "foreign entry": lambda latent: latent | {"unsampling": {"seed": 1}},
    "mask is a list": lambda latent: latent | {"noise_mask": [[1.0]]},
    "mask is an array": lambda latent: latent | {"noise_mask": torch.ones(1, 8, 8).numpy()},
    "mask is a number": lambda latent: latent | {"noise_mask": torch.tensor(1.0)},
}


@node
class OddLatent(Fresh):
    """A LATENT as no node of core leaves it, and some node of another pack may."""

    @classmethod
    def define_schema(cls):
        kind = io.Combo.Input("kind", options=list(ODD))
        return schema("OddLatent", [io.Latent.Input("latent"), kind], [io.Latent.Output()])

    @classmethod
    def execute(cls, latent, kind):
        return io.NodeOutput(ODD[kind](latent))


@node
class BareModel(Base):
    """A MODEL of one of the host's own kinds, by class name, without a network: to be looked at, not run."""

    @classmethod
    def define_schema(cls):
        return schema("BareModel", [io.String.Input("kind")], [io.Model.Output()])

    @classmethod
    def execute(cls, kind):
        bare = {"disable_unet_model_creation": True, "in_channels": 4}
        settings = getattr(comfy.supported_models, kind)(bare)
        cpu = torch.device("cpu")
        model = settings.get_model({}, "", device=cpu)
        return io.NodeOutput(comfy.model_patcher.ModelPatcher(model, load_device=cpu, offload_device=cpu))


@node
class ChurningEuler(Base):
    """Core's euler with noise added at each step: core's own nodes cannot ask for that, other packs' do."""

    @classmethod
    def define_schema(cls):
        return schema("ChurningEuler", [], [io.Sampler.Output()])

    @classmethod
    def execute(cls):
        return io.NodeOutput(comfy.samplers.ksampler("euler", {"s_churn": 1.0}))


@node
class Again(Fresh):
    """The LATENT as it came; what hangs on it runs in every prompt, while models before it stay cached."""

    @classmethod
    def define_schema(cls):
        return schema("Again", [io.Latent.Input("latent")], [io.Latent.Output()])

    @classmethod
    def execute(cls, latent):
        return io.NodeOutput(latent)


@node
class AnalyticModel(Fresh):
    """A clone of the MODEL that answers exactly for the mixture in a file; logs its calls to <log>.jsonl."""

    @classmethod
    def define_schema(cls):
        inputs = [
            io.Model.Input("model"),
            io.String.Input("mixture"),
            io.String.Input("log", default="calls"),
            io.Float.Input("window_bias", min=-1e3, max=1e3, optional=True),
            io.Int.Input("nan_at_call", optional=True),
            io.Float.Input("relative_noise", max=1.0, optional=True),
            io.Combo.Input("round_to", options=["none", *ROUNDED], optional=True),
            io.Float.Input("delay_s", max=60.0, optional=True),
        ]
        return schema("AnalyticModel", inputs, [io.Model.Output()])

    @classmethod
    def execute(cls, model, mixture, log, **faults):
        known = Mixture.load(input_file(mixture))
        wrapper = AnalyticWrapper(known, Faults(**faults), output_file(f"{log}.jsonl"))
        clone = model.clone()
        clone.set_model_unet_function_wrapper(wrapper)
        return io.NodeOutput(clone)


@node
class WatchedModel(Fresh):
    """A clone of an AnalyticModel; logs a value of each call to <log>.jsonl, and moves its answer by it."""

    @classmethod
    def define_schema(cls):
        inputs = [
            io.Model.Input("model"),
            io.Combo.Input("probe", options=list(PROBES)),
            io.String.Input("log"),
            io.Float.Input("gain", default=0.1),
        ]
        return schema("WatchedModel", inputs, [io.Model.Output()])

    @classmethod
    def execute(cls, model, probe, log, gain):
        clone = model.clone()
        inner = clone.model_options["model_function_wrapper"]
        clone.set_model_unet_function_wrapper(WatchedWrapper(inner, probe, gain, output_file(f"{log}.jsonl")))
        return io.NodeOutput(clone)


@node
class WatchedExpert(Fresh):
    """A clone of the MODEL that logs to <log>.jsonl when it is loaded, run and called; the log goes on."""

    @classmethod
    def define_schema(cls):
        inputs = [io.Model.Input("model"), io.String.Input("name"), io.String.Input("log")]
        return schema("WatchedExpert", inputs, [io.Model.Output()])

    @classmethod
    def execute(cls, model, name, log):
        return io.NodeOutput(watch(model, name, output_file(f"{log}.jsonl")))


@node
class SplitModel(Fresh):
    """A clone of the MODEL with a second network for half of the conditions; logs to <log>.jsonl which is
    asked; the log goes on."""

    @classmethod
    def define_schema(cls):
        inputs = [io.Model.Input("model"), io.String.Input("log")]
        return schema("SplitModel", inputs, [io.Model.Output()])

    @classmethod
    def execute(cls, model, log):
        return io.NodeOutput(split(model, output_file(f"{log}.jsonl")))


@node
class PatchedModel(Fresh):
    """A clone of an AnalyticModel with one of the patches of memory.py round it."""

    @classmethod
    def define_schema(cls):
        inputs = [io.Model.Input("model"), io.Combo.Input("patch", options=list(PATCHES))]
        return schema("PatchedModel", inputs, [io.Model.Output()])

    @classmethod
    def execute(cls, model, patch):
        clone = model.clone()
        inner = clone.model_options["model_function_wrapper"]
        clone.set_model_unet_function_wrapper(PatchWrapper(inner, patch))
        return io.NodeOutput(clone)


@node
class TeaCached(Base):
    """A clone of the MODEL with the options that the TeaCache pack sets on one."""

    @classmethod
    def define_schema(cls):
        return schema("TeaCached", [io.Model.Input("model")], [io.Model.Output()])

    @classmethod
    def execute(cls, model):
        clone = model.clone()
        clone.model_options["transformer_options"] |= {"rel_l1_thresh": 0.4, "max_skip_steps": 3}
        return io.NodeOutput(clone)


@node
class Textures(Base):
    """A clone of the MODEL whose convolutions pad in a circle, so that its pictures tile, and whose cross
    attention gives more, as an IP-Adapter's does."""

    @classmethod
    def define_schema(cls):
        return schema("Textures", [io.Model.Input("model")], [io.Model.Output()])

    @classmethod
    def execute(cls, model):
        clone = model.clone()
        for name, module in clone.model.named_modules():
            if isinstance(module, torch.nn.Conv2d) and any(module.padding):
                clone.add_object_patch(f"{name}.padding_mode", "circular")
        clone.set_model_attn2_output_patch(lambda n, extra: n + 0.3 * torch.ones_like(n).cumsum(-1).cos())
        return io.NodeOutput(clone)


@node
class BiasHook(Base):
    """A weight hook on one bias, in place of a LoRA file."""

    @classmethod
    def define_schema(cls):
        return schema("BiasHook", [], [io.Hooks.Output()])

    @classmethod
    def execute(cls):
        return io.NodeOutput(bias_hook())


SMALL_VISION = {
    "model_type": "clip_vision_model",
    "image_size": 224,
    "layer_norm_eps": 1e-05,
    "hidden_act": "gelu",
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_attention_heads": 2,
    "num_hidden_layers": 1,
    "patch_size": 14,
    "projection_dim": 32,
    "num_channels": 3,
}


@node
class SmallVision(Base):
    """A CLIP vision model that is smaller than all in files, for nodes that want one and do not ask it."""

    @classmethod
    def define_schema(cls):
        return schema("SmallVision", [], [io.ClipVision.Output()])

    @classmethod
    def execute(cls):
        # older ComfyUI takes the configuration as a file only
        file = output_file("uns_small_vision.json")
        file.write_text(json.dumps(SMALL_VISION))
        return io.NodeOutput(comfy.clip_vision.ClipVisionModel(str(file)))


@node
class Conditioning(Base):
    """A CONDITIONING filled with one value, in the shape of SD1.5's text encoder."""

    @classmethod
    def define_schema(cls):
        value = io.Float.Input("value", min=-1e3, max=1e3)
        return schema("Conditioning", [value], [io.Conditioning.Output()])

    @classmethod
    def execute(cls, value):
        pooled = torch.full((1, 768), value)
        return io.NodeOutput([[torch.full((1, 77, 768), value), {"pooled_output": pooled}]])


@node
class VideoConditioning(Base):
    """A CONDITIONING filled with one value, in the shape of SVD's image encoder, without a first picture."""

    @classmethod
    def define_schema(cls):
        value = io.Float.Input("value", min=-1e3, max=1e3)
        return schema("VideoConditioning", [value], [io.Conditioning.Output()])

    @classmethod
    def execute(cls, value):
        settings = {"motion_bucket_id": 127, "fps": 6, "augmentation_level": 0.0}
        return io.NodeOutput([[torch.full((1, 1, 1024), value), settings]])


@node
class TokensConditioning(Base):
    """A CONDITIONING of any size, one pattern times a value, as flow models' text encoders give it.

    The mask hides the last `padding` tokens; `settings`, as JSON, is what else a model reads from it.
    """

    @classmethod
    def define_schema(cls):
        inputs = [
            io.Float.Input("value", min=-1e3, max=1e3),
            io.Int.Input("tokens"),
            io.Int.Input("width"),
            io.Int.Input("pooled", optional=True),
            io.Int.Input("padding", optional=True),
            io.String.Input("settings", optional=True),
        ]
        return schema("TokensConditioning", inputs, [io.Conditioning.Output()])

    @classmethod
    def execute(cls, value, tokens, width, pooled=None, padding=None, settings="{}"):
        more = json.loads(settings)
        if pooled:
            more["pooled_output"] = torch.full((1, pooled), value)
        if padding:
            more["attention_mask"] = (torch.arange(tokens) < tokens - padding).long()[None]
        pattern = torch.arange(tokens * width, dtype=torch.float32).cos().reshape(1, tokens, width)
        return io.NodeOutput([[value * pattern, more]])


@node
class DrawnText(Base):
    """A CLIP that answers for any text with numbers drawn for it, in the shapes of an encoder of SDXL's kind:
    those have 695 million weights and more."""

    @classmethod
    def define_schema(cls):
        return schema("DrawnText", [io.Int.Input("width")], [io.Clip.Output()])

    @classmethod
    def execute(cls, width):
        return io.NodeOutput(TextEncoder(width))


class TextEncoder:
    """What core's nodes for SDXL's texts ask of a CLIP."""

    def __init__(self, width: int):
        self.width = width

    def tokenize(self, text):
        return {"g": [text], "l": [text]}

    def encode_from_tokens_scheduled(self, tokens, add_dict):
        drawn = torch.Generator().manual_seed(zlib.crc32(repr(tokens).encode()))
        text = torch.randn(1, 77, self.width, generator=drawn)
        return [[text, {"pooled_output": torch.randn(1, 1280, generator=drawn)} | add_dict]]


@node
class ManualSigmas(Base):
    """A JSON list of numbers as SIGMAS, in float32, whatever it holds: empty, one entry, rising, NaN."""

    @classmethod
    def define_schema(cls):
        return schema("ManualSigmas", [io.String.Input("numbers", default="[]")], [io.Sigmas.Output()])

    @classmethod
    def execute(cls, numbers):
        return io.NodeOutput(torch.tensor(json.loads(numbers), dtype=torch.float32))


@node
class ModelLayouts(Fresh):
    """Write the keys and shapes of the host's own model classes to <name>.json."""

    @classmethod
    def define_schema(cls):
        return schema("ModelLayouts", [io.String.Input("name")], [], is_output_node=True)

    @classmethod
    def execute(cls, name):
        output_file(f"{name}.json").write_text(json.dumps(layouts()))
        return io.NodeOutput()


@node
class ForeignFields(Fresh):
    """Write to <name>.json which classes, fields and keys of host/packs this host does not have."""

    @classmethod
    def define_schema(cls):
        return schema("ForeignFields", [io.String.Input("name")], [], is_output_node=True)

    @classmethod
    def execute(cls, name) -> io.NodeOutput:
        output_file(f"{name}.json").write_text(json.dumps(foreign_fields.report()))
        return io.NodeOutput()


NETWORKS = ("UNetModel", "WanModel")
COUNTED: list[Path] = []  # where the calls of all networks are logged now


def count_call(module: torch.nn.Module, given: tuple) -> None:
    """Logs a call of a network, whatever MODEL it belongs to: nothing is set on any."""
    if type(module).__name__ in NETWORKS and COUNTED:
        with COUNTED[0].open("a") as file:
            file.write(json.dumps(type(module).__name__) + "\n")


@node
class CountCalls(Fresh):
    """The MODEL as it came; from here on each call of a network is a line of <log>.jsonl."""

    @classmethod
    def define_schema(cls):
        return schema("CountCalls", [io.Model.Input("model"), io.String.Input("log")], [io.Model.Output()])

    @classmethod
    def execute(cls, model, log):
        if not COUNTED:
            torch.nn.modules.module.register_module_forward_pre_hook(count_call)
        COUNTED[:] = [output_file(f"{log}.jsonl")]
        COUNTED[0].write_text("")
        return io.NodeOutput(model)


class Extension(ComfyExtension):
    """What the host loads."""

    async def get_node_list(self):
        return NODES
