"""ComfyUI's own templates, as the wheel has them, with our two nodes in the place of
the sampler: the clip goes up, comes back and takes another text, and the graph runs to its end.

docs/models.md has the table; UPDATE_SNAPSHOTS=1 records what is measured here and writes it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from fractions import Fraction

import official_graphs as official
import official_table
import pytest
from host_trips import EXACT
from PIL import Image

from demo.video import pan_over_photograph, write_video

pytestmark = pytest.mark.skipif(official.missing() is not None, reason=str(official.missing()))


@dataclass(frozen=True)
class Graph:
    """A template: the family of its models, the border of a pair of experts, the steps."""

    family: str
    border: float | None = None
    steps: int = official.STEPS


T2V, I2V, FIRST_LAST = "text to video", "image to video", "first and last frame"
GRAPHS = {
    "text_to_video_wan": Graph(f"Wan 2.1, {T2V}"),
    "image_to_video_wan": Graph(f"Wan 2.1, {I2V}"),
    "wan2.1_flf2v_720_f16": Graph(f"Wan 2.1, {FIRST_LAST}"),
    "wan2.1_fun_control": Graph("Wan 2.1, Fun Control"),
    "wan2.1_fun_inp": Graph("Wan 2.1, Fun Inpaint"),
    "video_wan2.1_fun_camera_v1.1_1.3B": Graph("Wan 2.1, Fun Camera"),
    "video_wan_vace_14B_v2v": Graph("Wan 2.1, VACE"),
    "video_wan2_2_14B_t2v": Graph(f"Wan 2.2 14B, {T2V}", 0.875),
    "video_wan2_2_14B_i2v": Graph(f"Wan 2.2 14B, {I2V}", 0.9),
    "video_wan2_2_14B_flf2v": Graph(f"Wan 2.2 14B, {FIRST_LAST}", 0.9),
    "video_wan2_2_14B_fun_control": Graph("Wan 2.2 14B, Fun Control", 0.9),
    "video_wan2_2_5B_ti2v": Graph(f"Wan 2.2 5B, {T2V}"),
    "video_wan2_2_5B_fun_control": Graph("Wan 2.2 5B, Fun Control"),
    "video_wan2_2_5B_fun_inpaint": Graph("Wan 2.2 5B, Fun Inpaint"),
    "ltxv_text_to_video": Graph(f"LTXV, {T2V}"),
    "ltxv_image_to_video": Graph(f"LTXV, {I2V}"),
    "hunyuan_video_text_to_video": Graph(f"HunyuanVideo, {T2V}"),
    "video_hunyuan_video_1.5_720p_t2v": Graph(f"HunyuanVideo 1.5, {T2V}"),
    "txt_to_image_to_video": Graph("SDXL, then SVD", steps=2),
    "sdxlturbo_example": Graph("SDXL Turbo"),
    "sdxl_refiner_prompt_example": Graph("SDXL with its refiner", 1.0),
    "sd3.5_simple_example": Graph("SD3.5"),
    "flux_dev_checkpoint_example": Graph("Flux dev"),
    "flux_schnell": Graph("Flux schnell"),
    "flux_fill_inpaint_example": Graph("Flux Fill, inpainting"),
}


@pytest.fixture(scope="module")
def media(comfy, tmp_path_factory):
    """What stands for a graph's own pictures and films; the picture has a hole, for inpainting."""
    folder = tmp_path_factory.mktemp("media")
    film, picture = folder / "film.mp4", folder / "picture.png"
    size = (official.HEIGHT, official.WIDTH)
    write_video(film, pan_over_photograph(official.FRAMES, *size), Fraction(16))
    image = Image.fromarray(pan_over_photograph(1, *size)[0]).convert("RGBA")
    image.paste((0, 0, 0, 0), (16, 16, 40, 40))
    image.save(picture)
    sent = {".mp4": comfy.client.upload(film), ".png": comfy.client.upload(picture)}
    return lambda name: sent[".mp4" if name.endswith(".mp4") else ".png"]


@pytest.mark.parametrize("name", GRAPHS)
def test_the_clip_comes_back_in_comfyuis_own_graph(comfy, media, name):
    graph = GRAPHS[name]
    official.needs(comfy, name)
    prompt = official.small_prompt(comfy, name, media, graph.steps)
    samplers = official.put_our_nodes(prompt, graph.border)
    assert samplers
    for sampler in samplers:
        official.watch(prompt, f"official-{sampler}", sampler)
    entry = comfy.run(prompt)
    assert list(comfy.client.outputs(entry))  # what the graph itself saves or shows
    errors = [way_back(comfy, f"official-{sampler}") for sampler in samplers]
    if os.environ.get("UPDATE_SNAPSHOTS") == "1":
        official_table.record(versions(comfy), name, graph.family, max(errors))


def versions(comfy) -> dict[str, str]:
    """Of what was measured."""
    said = (comfy.server.host / "comfyui_version.py").read_text(encoding="utf-8")
    comfyui = said.split('"')[-2]
    return {"ComfyUI": comfyui, "comfyui-workflow-templates-json": official.version()}


def way_back(comfy, name: str) -> float:
    """How far what came back is from the source, over its size; the noise and the new look are far."""
    parts = ("source", "noise", "back", "edit")
    source, noise, back, edit = (comfy.tensors(f"{name}-{part}")["samples"] for part in parts)
    assert all(one.shape == source.shape and one.isfinite().all() for one in (noise, back, edit))
    error, up, other = (float((one - source).norm() / source.norm()) for one in (back, noise, edit))
    assert error < EXACT
    assert up > 0.5 and other > 1e-3
    return error


def test_the_table_has_each_of_them():
    recorded = {name: row["family"] for name, row in official_table.measured()["graphs"].items()}
    assert recorded == {name: graph.family for name, graph in GRAPHS.items()}
