"""The workflow files themselves, converted by the real frontend, on a real server with random models in real
formats."""

import json
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from browser.frontend import chromium, graph_to_prompt, missing, open_frontend
from clips import CLIPS, make_clip
from host_prompts import node_id, saved_video, the, watch, without_big_models
from PIL import Image

from demo.video import pan_over_photograph, read_video, write_video
from tools.client.prompt_edit import media_input
from tools.workflows.build import file_of

EARLIER = Path(__file__).parents[1] / "data" / "0.1.0" / "workflows"
VIDEO, IMAGE = "unsampling_animatediff_sd15", "unsample_resample_image"
MASKED = "unsampling_masked_sd15"


@pytest.fixture(scope="module")
def prompts(comfy) -> dict[str, dict]:
    """What the frontend would queue for each workflow, on this server; the files of 0.1.0 too."""
    if missing():
        pytest.skip(f"workflow files not run: {missing()}")
    comfy.model("one_level")
    with chromium() as browser, open_frontend(browser, comfy.client.object_info()) as page:
        files = {name: file_of(name) for name in (VIDEO, IMAGE, MASKED)}
        files |= {f"0.1.0 {name}": EARLIER / f"{name}.json" for name in (VIDEO, IMAGE)}
        return {name: graph_to_prompt(page, json.loads(file.read_text())) for name, file in files.items()}


def lowered(comfy, prompt: dict, clip: Path, checkpoint: str) -> dict:
    """The workflow's prompt with other models, clip, size and number of steps; nothing else."""
    prompt = json.loads(json.dumps(prompt))
    the(prompt, "LoadVideo")["file"] = comfy.client.upload(clip)
    the(prompt, "CheckpointLoaderSimple")["ckpt_name"] = comfy.model(checkpoint)
    the(prompt, "VAELoader")["vae_name"] = comfy.model("vae")
    the(prompt, "UNS_VideoFrames")["megapixels"] = 0.01
    the(prompt, "UNS_AYSScheduler")["steps"] = 2
    return prompt


@pytest.mark.parametrize("name", [VIDEO, f"0.1.0 {VIDEO}"])
def test_the_sd15_workflow_runs_as_it_is(comfy, prompts, tmp_path, name):
    clip = tmp_path / "short.mp4"
    tone = np.sin(np.arange(16537) / 20)[None].astype(np.float32) * 0.3
    write_video(clip, pan_over_photograph(3, 67, 101), Fraction(8), tone, 44100)
    prompt = lowered(comfy, prompts[name], clip, "sd15")
    the(prompt, "ADE_LoadAnimateDiffModel")["model_name"] = comfy.model("motion")
    the(prompt, "ACN_ControlNetLoaderAdvanced")["cnet"] = comfy.model("controlnet")
    runs = []
    for run in ("sd15-first", "sd15-again"):
        watch(prompt, run)
        entry = comfy.run(prompt)
        assert entry["status"]["status_str"] == "success"
        runs.append([comfy.tensors(f"{run}-{part}")["samples"] for part in ("noise", "clip")])
    saved = saved_video(comfy, entry, tmp_path)
    frames, fps = read_video(saved)
    assert len(frames) == 3
    assert fps == 8
    assert frames.std() > 0
    assert all(tensor.isfinite().all() and len(tensor) == 3 for tensor in runs[0])
    assert float(runs[0][0].std()) > 10  # noise in the VAE's scale, of a network that was never trained
    assert all(torch.equal(first, again) for first, again in zip(*runs, strict=True))
    with av.open(str(saved)) as container:
        assert container.streams.audio


@pytest.mark.parametrize("background", [False, True], ids=["person", "background"])
def test_only_what_the_mask_video_has_white_is_restyled(comfy, prompts, tmp_path, background):
    """Ctrl+B switches the node on that turns the mask round. The mask is of another size."""
    film, white, size = tmp_path / "film.mp4", tmp_path / "mask.mp4", (96, 64)
    write_video(film, pan_over_photograph(3, *size), Fraction(8))
    mask = np.zeros((3, 48, 32, 3), np.uint8)
    mask[:, :, 16:] = 255
    write_video(white, mask, Fraction(8))
    prompt = json.loads(json.dumps(prompts[MASKED]))
    for loader, file in ((None, film), ("Load Video (mask)", white)):  # as tools/queue_workflow.py puts them
        node, name = media_input(prompt, comfy.object_info, "video", loader)
        prompt[node]["inputs"][name] = comfy.client.upload(file)
    for node in prompt.values():
        if node["class_type"] == "UNS_VideoFrames":
            node["inputs"]["megapixels"] = 0.01
    the(prompt, "CheckpointLoaderSimple")["ckpt_name"] = comfy.model("one_level")
    the(prompt, "VAELoader")["vae_name"] = comfy.model("vae")
    the(prompt, "UNS_AYSScheduler")["steps"] = 2
    the(prompt, "ADE_UseEvolvedSampling").pop("m_models")
    prompt = {key: node for key, node in prompt.items() if "AnimateDiffModel" not in node["class_type"]}
    if background:
        inputs = {"mask": the(prompt, "SetLatentNoiseMask")["mask"]}
        prompt["turned"] = {"class_type": "InvertMask", "inputs": inputs}
        for kind in ("SetLatentNoiseMask", "ImageCompositeMasked"):
            the(prompt, kind)["mask"] = ["turned", 0]
    name, source = f"masked-{background}", the(prompt, "SetLatentNoiseMask")["samples"]
    keep = {"name": f"{name}-source", "latent": source}
    prompt["keep"] = {"class_type": "UNSTest_SaveTensors", "inputs": keep}
    shown = {"name": f"{name}-shown", "images": the(prompt, "CreateVideo")["images"]}
    prompt["shown"] = {"class_type": "UNSTest_SaveTensors", "inputs": shown}
    runs, pictures = [], []
    for _ in range(2):
        watch(prompt, name)
        entry = comfy.run(prompt)
        frames, fps = read_video(saved_video(comfy, entry, tmp_path))
        assert len(frames) == 3 and fps == 8
        runs.append([comfy.tensors(f"{name}-{part}")["samples"] for part in ("noise", "clip", "source")])
        pictures.append(comfy.tensors(f"{name}-shown")["images"])
    assert all(torch.equal(first, again) for first, again in zip(*runs, strict=True))
    # not the film: of equal pictures core's Save Video was seen to write films that differ by 52 of 255
    assert torch.equal(*pictures)
    _, clip, source = runs[0]
    half = clip.shape[-1] // 2
    stays, changes = (
        (slice(half + 1, None), slice(half - 1)) if background else (slice(half - 1), slice(half + 1, None))
    )
    assert torch.equal(clip[..., stays], source[..., stays])
    assert all(float((clip - source)[frame, ..., changes].abs().mean()) > 1e-3 for frame in range(3))


@pytest.mark.parametrize("name", sorted(CLIPS))
def test_every_kind_of_clip_comes_out_with_its_frames_and_its_rate(comfy, prompts, tmp_path, name):
    clip = make_clip(name, tmp_path / "in")
    prompt = without_big_models(lowered(comfy, prompts[VIDEO], clip, "one_level"))
    the(prompt, "UNS_AYSScheduler")["steps"] = 1
    watch(prompt, f"kind-{name}")
    entry = comfy.run(prompt)
    given, given_fps = read_video(clip)
    found, fps = read_video(saved_video(comfy, entry, tmp_path))
    assert len(found) == len(given)
    assert float(fps) == pytest.approx(float(given_fps), rel=1e-3)
    assert found.shape[1] % 8 == 0 and found.shape[2] % 8 == 0
    assert found.shape[2] / found.shape[1] == pytest.approx(given.shape[2] / given.shape[1], rel=0.12)
    assert comfy.tensors(f"kind-{name}-clip")["samples"].isfinite().all()


@pytest.mark.parametrize("workflow", [IMAGE, f"0.1.0 {IMAGE}"])
def test_the_image_workflow_gives_the_picture_back_under_the_sources_own_text(
    comfy, prompts, tmp_path, workflow
):
    """What its note says; as it is, with the target's text, it changes the picture."""
    picture = tmp_path / "picture.png"
    Image.fromarray(pan_over_photograph(1, 96, 128)[0]).save(picture)
    prompt = json.loads(json.dumps(prompts[workflow]))
    the(prompt, "LoadImage")["image"] = comfy.client.upload(picture)
    the(prompt, "CheckpointLoaderSimple")["ckpt_name"] = comfy.model("one_level")
    the(prompt, "ImageScaleToTotalPixels")["megapixels"] = 0.02
    the(prompt, "UNS_AYSScheduler")["steps"] = 4
    encoded = [node_id(prompt, "VAEEncode"), 0]
    prompt["watch-source"] = {
        "class_type": "UNSTest_SaveTensors",
        "inputs": {"name": "image-source", "latent": encoded},
    }
    changes = []
    for name in ("image-restyled", "image-back"):
        watch(prompt, name)
        entry = comfy.run(prompt)
        saved = [item for item in comfy.client.outputs(entry) if item["type"] == "output"]
        assert [item["filename"].endswith(".png") for item in saved] == [True]
        clip, source = (comfy.tensors(part)["samples"] for part in (f"{name}-clip", "image-source"))
        changes.append(float((clip - source).norm() / source.norm()))
        same = {key: the(prompt, "UNS_Unsampler")[key] for key in ("positive", "cfg")}
        the(prompt, "UNS_NoiselessResampler").update(same)
    assert changes[0] > 1e-3 and changes[1] < 1e-6
