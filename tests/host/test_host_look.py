"""A look from a picture: an IP-Adapter or a Reference on the way down alone, or on both ways, by the packs'
own nodes on random weights in the real formats."""

from pathlib import Path

import look_models
import pytest
import torch
from host_prompts import committed_prompt, on_small_sd15, restyled_twice, the
from host_scenes import FRAMES, SOURCE, TARGET, WINDOWS, Scene
from PIL import Image

from demo.video import pan_over_photograph

LOOKS = {"ip-adapter": "unsampling_look_ipadapter_sd15", "reference": "unsampling_look_reference_sd15"}
TARGET_NODE = "Target: the new look"
EMBEDS = 1024
CHANGED = 1e-3


def embeds(comfy, name: str, rows: torch.Tensor) -> str:
    """A file of embeddings, one row a picture, for IPAdapter Load Embeds."""
    torch.save(rows, comfy.input_dir / f"{name}.ipadpt")
    return f"{name}.ipadpt"


def pictures(*seeds: int) -> torch.Tensor:
    """Embeddings of pictures, by their numbers."""
    rows = [torch.randn(EMBEDS, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
    return torch.stack(rows)


class Adapted(Scene):
    """A scene with an IP-Adapter's file."""

    def __init__(self, comfy, name: str, windows: str = ""):
        super().__init__(comfy, f"look-{name}", windows)
        file = look_models.adapter(comfy.models_dir, EMBEDS)
        self.adapter = self.graph.add("IPAdapterModelLoader", ipadapter_file=file)
        self.plain, self.vision = self.model, self.graph.add("UNSTest_SmallVision")

    def see(self, name: str, *seeds: int, batch: bool = False, **settings):
        """The MODEL with an adapter that sees these pictures, together or one in each frame."""
        file = embeds(self.comfy, f"{self.name}-{name}", pictures(*seeds))
        given = {"weight": 1.0, "weight_type": "style transfer", "start_at": 0.0, "end_at": 1.0}
        return self.graph.add(
            "IPAdapterEmbedsBatch" if batch else "IPAdapterEmbeds",
            model=self.plain,
            ipadapter=self.adapter,
            pos_embed=self.graph.add("IPAdapterLoadEmbeds", embeds=file),
            clip_vision=self.vision,
            **given | {"embeds_scaling": "V only"} | settings,
        )

    def on(self, model, way, *given, **more):
        """A pass on another MODEL than the scene's."""
        self.model, kept = model, self.model
        made = way(*given, **more)
        self.model = kept
        return made


SETTINGS = {
    "style transfer": {},
    "linear": {"weight_type": "linear", "embeds_scaling": "K+V w/ C penalty"},
    "precise, ends early": {"weight_type": "style transfer precise", "end_at": 0.6, "weight": 0.8},
}


@pytest.mark.parametrize("windows", ["", *WINDOWS[2:]])
def test_a_look_on_the_way_down_changes_the_clip_and_on_both_ways_it_comes_back(ipadapter_comfy, windows):
    scene = Adapted(ipadapter_comfy, f"ways-{windows}", windows)
    positive = scene.text(SOURCE)
    noise = scene.unsample(positive, direct=0.5)
    back = {"plain": scene.resample(noise, positive)}
    down = {"without": scene.resample(noise, scene.text(TARGET), cfg=2.0)}
    for name, settings in SETTINGS.items():
        model = scene.see(name, 7, **settings)
        down[name] = scene.on(model, scene.resample, noise, positive)
        own = scene.on(model, scene.unsample, positive)
        back[f"{name} back"] = scene.on(model, scene.resample, own, positive)
    found = scene.run(**down, **back)
    for name in back:
        assert torch.equal(found[name], scene.source), name
    for name in SETTINGS:
        assert min(scene.moved(found[name])) > CHANGED, name
    assert len({found[name].numpy().tobytes() for name in down}) == len(down)


@pytest.mark.parametrize("windows", WINDOWS)
def test_each_frame_sees_its_own_picture_in_whatever_window(ipadapter_comfy, windows):
    """Frames that are given the first picture come out as where all are given it; also of a part of the clip
    alone."""
    scene = Adapted(ipadapter_comfy, f"batch-{windows}", windows)
    positive, half = scene.text(SOURCE), FRAMES // 2
    noise = scene.unsample(positive, direct=0.5)
    both = scene.see("both", *[1] * half, *[2] * half, batch=True)
    down = {
        name: scene.on(model, scene.resample, noise, positive)
        for name, model in (("both", both), ("first", scene.see("first", 1)), ("last", scene.see("last", 2)))
    }
    part = scene.graph.add("LatentFromBatch", samples=noise, batch_index=1, length=FRAMES - 1)
    down["part"] = scene.on(both, scene.resample, part, positive)
    own = scene.on(both, scene.unsample, positive)
    found = scene.run(**down, back=scene.on(both, scene.resample, own, positive))
    assert torch.allclose(found["part"], found["both"][1:], atol=1e-3)
    assert torch.allclose(found["both"][:half], found["first"][:half], atol=1e-3)
    assert torch.allclose(found["both"][half:], found["last"][half:], atol=1e-3)
    assert not torch.allclose(found["first"], found["last"], atol=1e-2)
    assert torch.equal(found["back"], scene.source)


def picture(comfy, folder: Path) -> str:
    path = folder / "look.png"
    Image.fromarray(255 - pan_over_photograph(1, 96, 128)[0]).save(path)
    return comfy.client.upload(path)


def run_template(comfy, name: str, folder: Path) -> None:
    """The restyle is the picture's too: without it, the same prompt gives another clip."""
    prompt = committed_prompt(LOOKS[name])
    on_small_sd15(comfy, prompt, folder, "narrow" if name == "reference" else "one_level", 2)
    the(prompt, "LoadImage")["image"] = picture(comfy, folder)
    if name == "ip-adapter":
        the(prompt, "IPAdapterModelLoader")["ipadapter_file"] = look_models.adapter(comfy.models_dir)
        the(prompt, "CLIPVisionLoader")["clip_name"] = look_models.vision(comfy.models_dir)
    _, restyled, source = restyled_twice(comfy, prompt, f"look-{name}", folder)
    resampler = the(prompt, "UNS_NoiselessResampler")
    plain = {key: the(prompt, "UNS_Unsampler")[key] for key in ("model", "negative")}
    texts = [key for key, node in prompt.items() if node.get("_meta", {}).get("title") == TARGET_NODE]
    resampler |= plain | {"positive": [texts[0], 0]}
    comfy.run(prompt)
    without = comfy.tensors(f"look-{name}-clip")["samples"]
    assert float((restyled - source).norm() / source.norm()) > CHANGED
    assert float((restyled - without).norm() / source.norm()) > CHANGED


def test_the_ipadapter_template_runs(ipadapter_comfy, tmp_path):
    run_template(ipadapter_comfy, "ip-adapter", tmp_path)


def test_the_reference_template_runs(comfy, tmp_path):
    run_template(comfy, "reference", tmp_path)
