"""Noise that outlives the server: saved by one, loaded by another, the same restyle to the bit."""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import torch
from comfy_server import ComfyServer
from family_models import family_model
from host_graphs import Graph, Node
from host_passes import EMPTY, SOURCE, TARGET, Bench
from host_session import started
from host_trips import clip
from host_windows import WINDOWS, cut
from safetensors import safe_open
from safetensors.torch import save_file

from tools.client import ClientError, RunError

STEPS = 8


@dataclass(frozen=True)
class Case:
    """How the noise is made, what is done to it before it is saved or after it is loaded, and the restyle."""

    up: dict
    down: dict
    part: tuple[int, int] | None = None
    part_first: bool = True
    masked: bool = False
    windows: str = ""
    edited: bool = False
    frames: int = 4
    precision: str = "lossless"


CASES = {
    "full record": Case({}, {}),
    "half record": Case({"record": "half"}, {}),
    "direct": Case({"direct": 0.5, "variation": 3}, {}),
    "auto direct, half record, held": Case({"direct": -1.0, "record": "half"}, {"hold": 1.0}),
    "structure": Case({}, {"structure": 0.4}),
    "structure and fidelity on a direct path": Case({"direct": -1.0}, {"structure": 0.3, "fidelity": 0.6}),
    "a part of the schedule": Case({"end": 0.5, "solver": "euler"}, {}),
    "masked": Case({"solver": "dpmpp_2m"}, {}, masked=True),
    "masked, direct": Case({"direct": 0.5}, {}, masked=True),
    "a slice that is saved": Case({"direct": 0.5}, {}, part=(1, 2)),
    "a slice of what is loaded": Case({"direct": 0.5}, {}, part=(1, 2), part_first=False),
    "a masked slice that is saved": Case({}, {}, part=(2, 1), masked=True),
    "windows": Case({}, {}, windows=WINDOWS[0], frames=32),
    "moving windows, direct": Case({"direct": 0.5}, {}, windows=WINDOWS[-1], frames=32),
    "edited": Case({}, {}, edited=True),
    "without a record": Case({"record": "off"}, {}),
    "ees25": Case({"solver": "ees25"}, {}),
}
# their restyles are of other frames, or of changed noise
INEXACT = {name for name, case in CASES.items() if case.edited}


def bench_of(comfy, name: str, tail: str) -> Bench:
    case = CASES[name]
    faults = {"window_bias": 0.3} if case.windows else {}
    bench = Bench.set_up(comfy, f"noise-{list(CASES).index(name)}-{tail}", frames=case.frames, **faults)
    if case.masked:
        mask = torch.ones(case.frames, 1, 64, 64)
        mask[..., :24], mask[1, :, :8] = 0, 0.5
        file = comfy.put_latent(f"{bench.log}-masked", samples=bench.clip / 0.18215, noise_mask=mask)
        bench.latent = bench.graph.add("UNSTest_LoadLatent", file=file)
    if case.windows:
        cut(bench, case.windows)
    return bench


def part(bench: Bench, case: Case, noise: Node, here: bool) -> Node:
    if case.part is None or not here:
        return noise
    first, length = case.part
    return bench.graph.add("LatentFromBatch", samples=noise, batch_index=first, length=length)


def prefix(name: str) -> str:
    return f"kept/{list(CASES).index(name):02}"


def in_memory(comfy, name: str) -> torch.Tensor:
    """Unsamples, saves the noise, and restyles it while it is in memory."""
    case, bench = CASES[name], bench_of(comfy, name, "memory")
    noise = part(bench, case, bench.unsample(bench.ays(STEPS), **case.up), case.part_first)
    if case.edited:
        noise = bench.graph.add("LatentMultiply", samples=noise, multiplier=1.01)
    kept = bench.graph.add(
        "UNS_SaveNoise", noise=noise, filename_prefix=prefix(name), precision=case.precision
    )
    noise = part(bench, case, noise, not case.part_first)
    clip_of = bench.resample(noise, 2.0, TARGET, **case.down)
    passed = bench.resample(kept, 2.0, TARGET, **case.down) if case.part_first else clip_of
    found = bench.run(clip=clip_of, passed=passed)
    assert torch.equal(found["clip"], found["passed"])
    return found["clip"]


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A server that knows nothing but the files of one that is gone, and what that one made in memory."""
    folder = tmp_path_factory.mktemp("noise_files")
    session = started(lambda: ComfyServer(folder, ("ade", "acn", "ours", "support")))
    try:
        clips = {name: in_memory(session, name) for name in CASES} | {"wan": wan(session, "memory", None)}
        said = session.log_text()
        session.server.stop()
        session.server.start()
        yield session, clips, said
    finally:
        session.close()


def file_of(name: str) -> str:
    return f"{prefix(name)}_00001_.safetensors [output]"


def load(bench: Bench, file: str) -> Node:
    return bench.graph.add("UNS_LoadNoise", file=file)


@pytest.mark.parametrize("name", CASES)
def test_another_server_restyles_the_same_bits_without_a_rising_pass(kept, name):
    comfy, clips, _ = kept
    case, bench = CASES[name], bench_of(comfy, name, "file")
    noise = part(bench, case, load(bench, file_of(name)), not case.part_first)
    found = bench.run(clip=bench.resample(noise, 2.0, TARGET, **case.down))
    assert torch.equal(found["clip"], clips[name])
    # the falling pass of so many steps, in which every window is a call
    rising = [call for call in bench.calls() if call["sigma"] > 0]
    sigmas = [call["sigma"] for call in rising]
    assert sigmas == sorted(sigmas, reverse=True)


def wan(comfy, tail: str, file: str | None) -> torch.Tensor:
    """A video model's noise, a flow's and of rank 5: made and saved, or loaded; then restyled."""
    graph = Graph()
    model = graph.add("UNETLoader", unet_name=family_model(comfy.models_dir, "wan"), weight_dtype="default")
    model = graph.add("ModelSamplingSD3", model=model, shift=3.0)
    words = partial(graph.add, "UNSTest_TokensConditioning", tokens=10, width=768)
    first, other, empty = (words(value=value) for value in (1.0, -2.0, 0.0))
    if file is None:
        source = clip(3, 16, 8, 12, 1.0).movedim(0, 1)[None]
        latent = graph.add("UNSTest_LoadLatent", file=comfy.put_latent("kept-wan", samples=source))
        sigmas = graph.add("BasicScheduler", model=model, scheduler="simple", steps=5, denoise=1.0)
        given = {"model": model, "positive": first, "negative": empty, "latent_image": latent}
        noise = graph.add(
            "UNS_Unsampler", sigmas=sigmas, cfg=1.0, solver="midpoint", direct=0.4, record="half", **given
        )
        graph.add("UNS_SaveNoise", noise=noise, filename_prefix="kept/wan", precision="lossless")
    else:
        noise = graph.add("UNS_LoadNoise", file=file)
    given = {"model": model, "positive": other, "negative": empty, "noise": noise}
    edit = graph.add("UNS_NoiselessResampler", cfg=2.0, structure=0.2, **given)
    graph.save(f"wan-{tail}", latent=edit)
    comfy.run(graph.prompt)
    return comfy.tensors(f"wan-{tail}")["samples"]


def test_wans_noise_comes_back_too(kept):
    comfy, clips, _ = kept
    found = wan(comfy, "file", "kept/wan_00001_.safetensors [output]")
    assert found.shape == (1, 16, 3, 8, 12) and torch.equal(found, clips["wan"])


def test_the_sizes_are_said_before_anything_is_written(kept):
    _, _, said = kept
    both = r"saving the noise of (\d+) frames, lossless: ([\d.]+ KiB) lossless, ([\d.]+ KiB) half"
    sizes = re.findall(both, said)
    assert len(sizes) == len(CASES) + 1
    # 8 steps: noise twice, source, ten answers, of 4 KiB each; half keeps the source; a picture of 108 KiB
    assert sizes[0] == ("4", "160 KiB", "136 KiB")
    assert re.search(r"saved 00_00001_\.safetensors, [\d.]+ KiB", said)
    assert "2 of 4 frames, exact where frames do not see each other" in said
    assert "the noise was changed since: not exact" in said


def test_a_loaded_slice_says_that_it_is_one(kept):
    comfy, _, _ = kept
    bench = Bench.set_up(comfy, "noise-said")
    bench.run(noise=load(bench, file_of("a slice that is saved")))
    assert "the noise of 2 frames: midpoint, 8 steps, a record of" in comfy.log_text()
    assert "for the direct path; 2 of 4 frames, exact where frames do not see each other" in comfy.log_text()


def test_the_source_comes_back_exactly_and_the_report_reads_it(kept):
    comfy, _, _ = kept
    bench = Bench.set_up(comfy, "noise-exact")
    noise = load(bench, file_of("full record"))
    back = bench.resample(noise)
    report = bench.graph.add("UNS_InversionReport", noise=noise, reconstruction=back)
    bench.graph.save("noise-exact-chart", images=report[0])
    assert bench.error(bench.run(clip=back)["clip"]) < 1e-6
    assert "made with patched weights" in comfy.log_text()


def test_half_precision_is_half_the_file_and_close(kept):
    comfy, clips, _ = kept
    bench = Bench.set_up(comfy, "noise-half")
    noise = load(bench, file_of("full record"))
    bench.graph.add("UNS_SaveNoise", noise=noise, filename_prefix="kept/rounded", precision="half")
    bench.run(noise=noise)
    paths = [comfy.output_dir / f"kept/{name}_00001_.safetensors" for name in ("00", "rounded")]
    whole, half = (path.stat().st_size for path in paths)
    assert half < whole - 20 * 1024
    again = Bench.set_up(comfy, "noise-half-again")
    found = again.run(
        clip=again.resample(load(again, "kept/rounded_00001_.safetensors [output]"), 2.0, TARGET)
    )["clip"]
    assert 0 < float((found - clips["full record"]).norm() / found.norm()) < 0.02


def options(comfy) -> list[str]:
    """What the list of Load Noise has at this moment."""
    return comfy.client.object_info()["UNS_LoadNoise"]["input"]["required"]["file"][1]["options"]


def test_the_list_has_noise_alone_newest_first(kept):
    comfy, _, _ = kept
    folder = comfy.output_dir / "listed"
    folder.mkdir()
    source = comfy.output_dir / "kept/00_00001_.safetensors"
    save_file({"weight": torch.ones(3)}, folder / "model.safetensors")
    (folder / "noise.txt").write_text("no")
    os.mkfifo(folder / "pipe.safetensors")
    (folder / ".unsampling-1.part").write_bytes(source.read_bytes())
    for age, name in enumerate(("a", "c", "b")):
        shutil.copy(source, folder / f"{name}.safetensors")
        os.utime(folder / f"{name}.safetensors", (2e9 - age,) * 2)
    shutil.copy(source, comfy.input_dir / "sent.safetensors")
    os.utime(comfy.input_dir / "sent.safetensors", (3e9,) * 2)
    found = options(comfy)
    assert found[:4] == ["sent.safetensors", *(f"listed/{name}.safetensors [output]" for name in "acb")]
    assert [name for name in found if "listed/" in name] == found[1:4]
    assert all(not name.startswith("noise-") for name in found)


def test_an_upload_is_loaded_and_a_new_content_is_seen_under_an_old_name(kept, tmp_path):
    comfy, clips, _ = kept
    names = ["full record", "half record"]
    for name in names:
        shutil.copy(comfy.output_dir / f"{prefix(name)}_00001_.safetensors", tmp_path / "mine.safetensors")
        shutil.copy(tmp_path / "mine.safetensors", comfy.input_dir / "mine.safetensors")
        os.utime(comfy.input_dir / "mine.safetensors", (1e9,) * 2)
        bench = Bench.set_up(comfy, f"noise-upload-{names.index(name)}")
        found = bench.run(clip=bench.resample(load(bench, "mine.safetensors"), 2.0, TARGET))
        assert torch.equal(found["clip"], clips[name])
    assert comfy.client.upload(tmp_path / "mine.safetensors") in options(comfy)


def test_the_same_content_is_not_loaded_again(kept):
    comfy, _, _ = kept
    before = comfy.log_text().count("the noise of 32 frames")
    for _ in range(2):
        bench = Bench.set_up(comfy, "noise-cached")
        bench.run(noise=load(bench, file_of("windows")))
        os.utime(comfy.output_dir / f"{prefix('windows')}_00001_.safetensors", (2e9,) * 2)
    assert comfy.log_text().count("the noise of 32 frames") == before + 1


def test_cores_latents_and_plain_ones_are_noise_without_a_record(kept):
    comfy, _, _ = kept
    bench = Bench.set_up(comfy, "noise-core")
    noise = bench.unsample(bench.ays(STEPS), record="off")
    stored = comfy.put_latent("bare", samples=torch.randn(4, 4, 8, 8) * 80)
    bare = bench.graph.add("UNSTest_LoadLatent", file=stored)
    bench.graph.add("SaveLatent", samples=noise, filename_prefix="latents/core")
    bench.graph.add("UNS_SaveNoise", noise=bare, filename_prefix="kept/bare", precision="lossless")
    found = bench.run(noise=noise, bare=bare)
    again = Bench.set_up(comfy, "noise-core-again")
    core = load(again, "latents/core_00001_.latent [output]")
    mine = load(again, "kept/bare_00001_.safetensors [output]")
    seen = again.run(
        core=core,
        mine=mine,
        clip=again.resample(core, 2.0, TARGET, sigmas=again.ays(STEPS)),
        bare=again.resample(mine, 2.0, TARGET, sigmas=again.ays(STEPS)),
    )
    assert torch.equal(seen["core"], found["noise"]) and torch.equal(seen["mine"], found["bare"])
    assert seen["clip"].isfinite().all() and seen["bare"].isfinite().all()
    assert "without a record (core's Save Latent): connect sigmas to the resampler too" in comfy.log_text()
    with pytest.raises(RunError, match="noise carries no record of an unsampling"):
        lost = Bench.set_up(comfy, "noise-core-lost")
        lost.run(clip=lost.resample(load(lost, "latents/core_00001_.latent [output]")))


def test_a_core_samplers_noise_remembers_it(kept):
    comfy, _, _ = kept
    found = {}
    for tail in ("memory", "file"):
        bench = Bench.set_up(comfy, f"noise-core-sampler-{tail}")
        given = {"positive": bench.condition(SOURCE), "negative": bench.condition(EMPTY)}
        guider = bench.graph.add("CFGGuider", model=bench.model, cfg=1.0, **given)
        sampler = bench.graph.add("KSamplerSelect", sampler_name="euler")
        if tail == "memory":
            inputs = {"latent_image": bench.latent, "sigmas": bench.ays(STEPS), "solver": "midpoint"}
            noise = bench.graph.add("UNS_UnsamplerAdvanced", guider=guider, sampler=sampler, **inputs)
            noise = bench.graph.add(
                "UNS_SaveNoise", noise=noise, filename_prefix="kept/sampler", precision="lossless"
            )
        else:
            noise = load(bench, "kept/sampler_00001_.safetensors [output]")
            with pytest.raises(RunError, match="noise was made with core euler"):
                wrong = Bench.set_up(comfy, "noise-core-sampler-wrong")
                wrong.run(clip=wrong.resample(load(wrong, "kept/sampler_00001_.safetensors [output]")))
        down = {"guider": guider, "noise": noise, "structure": 0.0, "sampler": sampler}
        found[tail] = bench.run(clip=bench.graph.add("UNS_NoiselessResamplerAdvanced", **down))["clip"]
    assert torch.equal(found["memory"], found["file"])


def test_the_picture_and_the_settings_stand_in_the_file(kept):
    comfy, _, _ = kept
    with safe_open(comfy.output_dir / "kept/00_00001_.safetensors", "pt") as file:
        metadata, picture = file.metadata(), file.get_tensor("picture")
    settings = json.loads(metadata["settings"])
    assert metadata["format"] == "unsampling noise" and metadata["version"] == "1"
    assert picture.dtype == torch.uint8 and max(picture.shape) == 192
    assert settings["inversion"]["solver"] == "midpoint" and len(settings["inversion"]["sigmas"]) == STEPS + 1
    assert settings["caller"]["facts"]["latent_format"] == "SD15"
    assert settings["inversion"]["info"]["comfyui"]


def node_error(comfy, file: str) -> str:
    """What the server says to a prompt with that file, before or while it runs."""
    graph = Graph()
    graph.save("bad-file", latent=graph.add("UNS_LoadNoise", file=file))
    with pytest.raises(ClientError) as refused:
        comfy.run(graph.prompt)
    return str(refused.value)


@pytest.mark.parametrize(
    "file",
    [
        "../secret.safetensors",
        "a/../../secret.safetensors",
        "..\\secret.safetensors [output]",
        "/etc/passwd",
        "/etc/secret.safetensors",
        "C:\\secret.safetensors",
        "c:secret.safetensors",
        "\\\\server\\share\\secret.safetensors",
        "CON.safetensors",
        "kept/nul.safetensors [output]",
        "com1 .latent",
        "secret.safetensors [temp]",
        "kept/00_00001_.safetensors\u0000 [output]",
        "kept//00_00001_.safetensors [output]",
        "kept/00_00001_.safetensors. [output]",
        "",
        ".",
        "kept [output]",
        "nowhere.safetensors",
        "x" * 5000 + ".safetensors",
        "linked.safetensors",
        "linked/secret.safetensors [output]",
        "pipe.safetensors",
        "folder.safetensors",
    ],
)
def test_a_name_that_leads_elsewhere_is_refused(kept, tmp_path, file):
    comfy, _, _ = kept
    base = comfy.server.base
    whole = comfy.output_dir / "kept/00_00001_.safetensors"
    for place in (base / "secret.safetensors", base / "temp/secret.safetensors"):
        if not place.exists():
            shutil.copy(whole, place)
    if not (comfy.input_dir / "linked.safetensors").is_symlink():
        (comfy.input_dir / "linked.safetensors").symlink_to(base / "secret.safetensors")
        (comfy.output_dir / "linked").symlink_to(base)
        os.mkfifo(comfy.input_dir / "pipe.safetensors")
        (comfy.input_dir / "folder.safetensors").mkdir()
    assert "Load Noise: file" in node_error(comfy, file)


def test_files_that_are_not_what_they_say_are_refused_by_name(kept):
    comfy, _, _ = kept
    whole = (comfy.output_dir / "kept/00_00001_.safetensors").read_bytes()
    end = 8 + int.from_bytes(whole[:8], "little")

    def with_header(*change: tuple[bytes, bytes]) -> bytes:
        header = whole[8:end]
        for old, new in change:
            assert old in header
            header = header.replace(old, new)
        return len(header).to_bytes(8, "little") + header + whole[end:]

    other = b'\\"shape\\": [99999999999,'
    bad = {
        "cut": (whole[:-9], "it is damaged, or no whole safetensors file"),
        "newer": (with_header((b'"version": "1"', b'"version": "9"')), "it is of version 9 of the format"),
        "format": (with_header((b"SD15", b"SD99")), "the latent format 'SD99' is not known here"),
        "module": (
            with_header((b'\\"SD15\\"', b'\\"os.system\\"')),
            "the latent format 'os.system' is",
        ),
        "solver": (with_header((b'\\"midpoint\\"', b'\\"rk99\\"')), "solver 'rk99' is unknown"),
        "shape": (
            with_header((b'\\"shape\\": [4,', other)),
            "its record is of shape",
        ),
        "bit": (whole[:-5] + bytes([whole[-5] ^ 64]) + whole[-4:], "is damaged: copy the file again"),
        "text": (b"hello there, this is no file", "it is damaged, or no whole safetensors file"),
    }
    for name, (content, sentence) in bad.items():
        (comfy.input_dir / f"{name}.safetensors").write_bytes(content)
        said = node_error(comfy, f"{name}.safetensors")
        assert f"Load Noise: file '{name}.safetensors' cannot be used: " in said and sentence in said, name


def written(comfy) -> set[Path]:
    """All files below the server's folders but its previews."""
    return {path for path in comfy.server.base.rglob("*") if "temp" not in path.parts}


@pytest.mark.parametrize(
    "prefix",
    ["../escaped", "a/../../escaped", "/etc/escaped", "linked_out/escaped", "", "a\u0000b", "x" * 300],
)
def test_a_prefix_that_leads_elsewhere_is_refused_and_nothing_is_written(kept, tmp_path, prefix):
    comfy, _, _ = kept
    outside = comfy.server.base / "outside"
    outside.mkdir(exist_ok=True)
    if not (comfy.output_dir / "linked_out").is_symlink():
        (comfy.output_dir / "linked_out").symlink_to(outside)
    before = written(comfy)
    bench = Bench.set_up(comfy, "noise-kept")
    noise = load(bench, file_of("full record"))
    bench.graph.add("UNS_SaveNoise", noise=noise, filename_prefix=prefix, precision="lossless")
    with pytest.raises(RunError, match=r"Save Noise: (filename_prefix|the file x)"):
        bench.comfy.run(bench.graph.prompt)
    assert {path for path in written(comfy) - before if not path.name.startswith("noise-kept")} == set()


def test_a_prefix_follows_cores_rules(kept):
    comfy, _, _ = kept
    for number, precision in enumerate(("lossless", "half"), 1):
        bench = Bench.set_up(comfy, f"noise-prefix-{number}")
        noise = load(bench, file_of("full record"))
        prefix = "%year%/clip %width%x%height%"
        kept_noise = bench.graph.add(
            "UNS_SaveNoise", noise=noise, filename_prefix=prefix, precision=precision
        )
        entry = comfy.run(bench.graph.prompt)
        found = entry["outputs"][kept_noise.id]
        assert found["latents"][0]["filename"] == f"clip 8x8_{number:05}_.safetensors"
        assert re.fullmatch(r"\d{4}", found["latents"][0]["subfolder"])
        assert found["latents"][0] in [
            {k: one[k] for k in ("filename", "subfolder", "type")} for one in comfy.client.outputs(entry)
        ]
        assert found["images"][0]["type"] == "temp"
