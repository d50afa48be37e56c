"""Noise in a file: the same restyle to the bit, one whole file or none, and a sentence for every bad one."""

import itertools
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import sigma_lists
import torch
from analytic_denoisers import IMAGES, OTHER, VIDEO, clip, denoiser, world
from safetensors.torch import load_file

from unsampling import (
    Inversion,
    UnsamplingError,
    noise_file,
    resample,
    solvers,
    tensor_file,
    tensor_writer,
    unsample,
)
from unsampling.noise_file import Saved

ROOT = Path(__file__).parents[2]
SIGMAS = sigma_lists.karras(8)


def paths(folder: Path):
    return (folder / f"noise_{i:05}_.safetensors" for i in itertools.count(1))


def made(shape=IMAGES, solver="midpoint", flow=False, **settings) -> Inversion:
    place = world(shape, flow)
    sigmas = torch.linspace(1, 0, 9) if flow else SIGMAS
    return unsample(denoiser(place), clip(place), sigmas, solver, flow=flow, **settings)


def kept(inversion: Inversion, **more) -> Saved:
    return Saved(inversion.noise / 0.18215, inversion, **more)


def again(folder: Path, saved: Saved, half=False) -> Saved:
    return noise_file.load(noise_file.save(paths(folder), saved, half))


def restyled(inversion: Inversion, shape, flow=False, **settings):
    return resample(denoiser(world(shape, flow), OTHER, 2.0), inversion, **settings)


def masked(shape):
    axis = 0 if len(shape) == 4 else 2
    mask = torch.ones([size if i in (axis, len(shape) - 1) else 1 for i, size in enumerate(shape)])
    mask[..., :2], mask[..., 2] = 0, 0.5
    return mask


SETTINGS = {
    "record": {},
    "half record": {"record": "half"},
    "off": {"record": False},
    "direct": {"direct": 0.5, "variation": 3},
    "auto direct, half": {"direct": None, "record": "half"},
    "part": {"end": 0.5},
    "mask": {},
}


@pytest.mark.parametrize("shape, flow", [(IMAGES, False), (VIDEO, False), (VIDEO, True)])
@pytest.mark.parametrize("name", SETTINGS)
def test_a_restyle_is_the_same_to_the_bit(tmp_path, shape, flow, name):
    settings = SETTINGS[name] | ({"mask": masked(shape)} if name == "mask" else {})
    inversion = made(shape, flow=flow, **settings)
    found = again(tmp_path, kept(inversion)).inversion
    assert found is not None and torch.equal(found.sigmas, inversion.sigmas)
    structures = [0.0, 0.4, 1.0] if inversion.recorded else [0.0]
    start = {} if inversion.recorded else {"noise": inversion.noise}
    for structure in structures:
        ours, theirs = (
            restyled(one, shape, flow, structure=structure) for one in (inversion, replace(found, **start))
        )
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("solver", solvers.PAIRS)
def test_each_solver_comes_back(tmp_path, solver):
    inversion = made(solver=solver)
    found = again(tmp_path, kept(inversion)).inversion
    assert found.recorded == inversion.recorded and found.calls == inversion.calls
    if found.recorded:
        assert torch.equal(restyled(found, IMAGES, hold=0.5), restyled(inversion, IMAGES, hold=0.5))


@pytest.mark.parametrize("frames", [[2, 3, 4], [0, 7], [6, 1, 3], [5]])
def test_a_slice_has_its_frames_alone(tmp_path, frames):
    whole = made(mask=masked(IMAGES), direct=0.5)
    saved = Saved(whole.noise[frames], whole, whole.record.source, frames)
    found = again(tmp_path, saved)
    past, expected = found.inversion.record, whole.record
    for ours, theirs in zip(
        (found.noise, found.source, past.source, past.mask, *past.outputs, *past.direct.answers),
        (
            whole.noise,
            expected.source,
            expected.source,
            expected.mask,
            *expected.outputs,
            *expected.direct.answers,
        ),
        strict=True,
    ):
        assert torch.equal(ours, theirs[frames])
    assert past.direct.places == tuple(frames)


@pytest.mark.parametrize("shape", [IMAGES, VIDEO])
def test_half_takes_little_more_than_half_and_differs_by_rounding(tmp_path, shape):
    inversion = made(shape, direct=0.5)
    ours, half = kept(inversion), again(tmp_path, kept(inversion), half=True)
    assert noise_file.size(ours, True) < 0.56 * noise_file.size(ours, False)
    assert half.noise.dtype == half.inversion.noise.dtype == torch.float32
    assert torch.equal(half.inversion.record.source, inversion.record.source)
    a, b = (restyled(one, shape) for one in (inversion, half.inversion))
    assert 0 < float((a - b).norm() / a.norm()) < 2e-2


def test_half_refuses_what_it_cannot_hold(tmp_path):
    with pytest.raises(UnsamplingError, match="noise has values above 65504, which half precision cannot"):
        again(tmp_path, Saved(torch.full(IMAGES, 7e4)), half=True)
    assert list(tmp_path.iterdir()) == []
    assert again(tmp_path, Saved(torch.full(IMAGES, 7e4))).noise.max() == 7e4


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_noise_without_a_record_keeps_its_type_and_what_is_beside_it(tmp_path, dtype):
    noise = torch.randn(VIDEO).movedim(2, 0)[0].movedim(1, 2).to(dtype)[..., ::2]
    extra, caller = {"noise_mask": torch.rand(1, 5, 6)}, {"latent": {"batch_index": [3, 4]}}
    drawn = torch.randint(0, 256, (4, 6, 3), dtype=torch.uint8)
    found = again(tmp_path, Saved(noise, extra=extra, caller=caller, picture=drawn))
    assert found.noise.dtype == dtype and torch.equal(found.noise, noise)
    assert torch.equal(found.extra["noise_mask"], extra["noise_mask"])
    assert found.caller == caller and torch.equal(found.picture, drawn) and found.inversion is None


def test_it_is_a_plain_safetensors_file_whose_data_is_aligned(tmp_path):
    inversion = made()
    path = noise_file.save(paths(tmp_path), kept(inversion), False)
    found = load_file(path)
    assert torch.equal(found["record.source"], inversion.record.source)
    assert (int.from_bytes(path.read_bytes()[:8], "little") + 8) % 64 == 0
    assert noise_file.is_one(path)


def test_no_file_is_overwritten(tmp_path):
    (tmp_path / "noise_00001_.safetensors").write_text("another process was here first")
    names = [noise_file.save(paths(tmp_path), Saved(torch.ones(IMAGES)), False).name for _ in range(2)]
    assert names == ["noise_00002_.safetensors", "noise_00003_.safetensors"]
    assert (tmp_path / "noise_00001_.safetensors").read_text() == "another process was here first"


def test_a_disk_without_links_takes_files_too(tmp_path, monkeypatch):
    def unsupported(*_):
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", unsupported)
    names = [noise_file.save(paths(tmp_path), Saved(torch.ones(IMAGES)), False).name for _ in range(2)]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names) == sorted(set(names))


class Cancelled(BaseException):
    """As ComfyUI's, no Exception."""


@pytest.mark.parametrize("entry", [1, 4])
def test_a_cancel_leaves_nothing(tmp_path, entry):
    def tick():
        nonlocal entry
        entry -= 1
        if entry == 0:
            raise Cancelled

    with pytest.raises(Cancelled):
        noise_file.save(paths(tmp_path), kept(made()), False, tick)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("where", ["part.open", "os.fsync", "os.link"])
def test_a_full_disk_is_a_sentence_and_leaves_nothing(tmp_path, monkeypatch, where):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    owner, name = {"part.open": (Path, "open"), "os.fsync": (os, "fsync"), "os.link": (os, "link")}[where]
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, full)
        if where == "os.link":
            patch.setattr(Path, "replace", full)
        with pytest.raises(UnsamplingError, match=r"could not be written to .*No space left"):
            noise_file.save(paths(tmp_path), kept(made()), False)
    assert list(tmp_path.iterdir()) == []


LIMITED = """
import resource, signal, sys, itertools, torch
from pathlib import Path
from unsampling import UnsamplingError, noise_file
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, 3_000_000))
saved = noise_file.Saved(torch.randn(64, 4, 64, 64))
try:
    noise_file.save((Path(sys.argv[1]) / f"{i}.safetensors" for i in itertools.count()), saved, False)
except UnsamplingError as error:
    print(error)
"""


def python(code: str, *arguments: object, **how) -> subprocess.Popen:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, **how)


def test_a_disk_that_fills_up_in_the_middle_leaves_nothing(tmp_path):
    said, _ = python(LIMITED, tmp_path).communicate(timeout=120)
    assert "could not be written" in said and len(said.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_too_full_is_known_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(tensor_writer.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 100}))
    monkeypatch.setattr(Path, "open", None)
    with pytest.raises(UnsamplingError, match=r"needs 3\.75 KiB in .*, where 100 bytes are free"):
        noise_file.save(paths(tmp_path), Saved(torch.ones(IMAGES)), False)


def dying_at(stop: int, folder: Path) -> None:
    """A save in a process of its own, in which the n-th step that the disk sees is the last."""
    count = 0

    def killed(function):
        def at(*given, **named):
            nonlocal count
            count += 1
            if count == stop:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*given, **named)

        return at

    tensor_writer.bytes_of = killed(tensor_writer.bytes_of)
    tensor_writer._header = killed(tensor_writer._header)
    os.fsync, os.link, Path.unlink = killed(os.fsync), killed(os.link), killed(Path.unlink)
    entries = {f"x{i}": tensor_file.Entry(torch.full((2, 4, 8, 8), float(i))) for i in range(3)}
    tensor_writer.write(paths(folder), entries, {"format": "test"})


def exit_code(stop: int, folder: Path) -> int:
    """How a fork that dies at this step ended; below 0 by a signal."""
    child = os.fork()
    if child == 0:
        dying_at(stop, folder)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_kill_at_any_step_leaves_a_whole_file_or_none(tmp_path):
    steps, whole, code = 0, 0, -signal.SIGKILL
    while code == -signal.SIGKILL:
        steps += 1
        folder = tmp_path / str(steps)
        folder.mkdir()
        code = exit_code(steps, folder)
        named = [path for path in folder.iterdir() if path.suffix == ".safetensors"]
        assert len(named) <= 1
        for path in named:
            found = load_file(path)
            assert [float(found[f"x{i}"].mean()) for i in range(3)] == [0, 1, 2]
        whole += len(named)
    assert code == 0 and steps >= 9 and 1 < whole < steps


def test_what_was_killed_a_day_ago_is_swept_up(tmp_path):
    old, new = (tmp_path / f".unsampling-{name}.part" for name in ("old", "new"))
    for path in (old, new):
        path.write_text("half")
    os.utime(old, (time.time() - 2 * 24 * 3600,) * 2)
    noise_file.save(paths(tmp_path), Saved(torch.ones(IMAGES)), False)
    assert new.exists() and not old.exists()


PEAK = """
import sys, itertools, resource, torch
from pathlib import Path
from unsampling import Inversion, noise_file
from unsampling.record import Record
x = torch.randn(64, 4, 128, 128)
record = Record(x, tuple(x.clone() for _ in range(10)), mask=None)
sigmas = torch.linspace(14, 0, 9)
saved = noise_file.Saved(x, Inversion(x, sigmas, "midpoint", record=record), frames=list(range(63, -1, -1)))
noise_file.save(iter([Path(sys.argv[1]) / "warm.safetensors"]), noise_file.Saved(x[:1]), True)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for half in (False, True):
    noise_file.save((Path(sys.argv[1]) / f"{i}.safetensors" for i in itertools.count()), saved, half)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_a_long_clip_is_never_held_twice(tmp_path):
    """13 latents of 16 MiB each, written in reverse order of their frames."""
    said, _ = python(PEAK, tmp_path).communicate(timeout=300)
    assert int(said) < 30 * 1024  # KiB


def test_the_sum_is_of_the_content_however_it_is_cut():
    data = memoryview(bytes(range(1, 101)))
    whole = tensor_file.WordSum()
    whole.add(data)
    for cut in itertools.product((1, 3, 8, 11), (1, 5, 16)):
        parts, at = tensor_file.WordSum(), 0
        for size in itertools.cycle(cut):
            parts.add(data[at : at + size])
            at += size
            if at >= len(data):
                break
        assert parts.text == whole.text
    assert (
        whole.text
        == f"{sum(int.from_bytes(data[i : i + 8], 'little') for i in range(0, 100, 8)) % 2**64:016x}"
    )


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.uint8], ids=str)
def test_the_sum_of_tensors_is_that_of_their_bytes(dtype):
    whole = torch.arange(1, 120).to(dtype)
    for begin, cut in itertools.product((0, 1, 3, 4, 8), (8, 40, 7, 100)):
        values, sums = whole[begin:], (tensor_file.WordSum(), tensor_file.WordSum())
        for piece in values.split(cut):
            sums[0].add_tensor(piece)
        sums[1].add(tensor_file.bytes_of(values.clone()))
        assert sums[0].text == sums[1].text
