"""A record on disk: the same bits as in memory, no file longer than needed, a few latents of memory."""

import errno
import json
import os
import resource
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
import sigma_lists
import torch
from analytic_denoisers import IMAGES, OTHER, VIDEO, clip, denoiser, world
from node_refusals import refused
from safetensors import SafetensorError

from unsampling import inversion as engine
from unsampling import progress, resample, schedules, solvers, unsample
from unsampling.inversion import Inversion, Record, misses
from unsampling.report import metrics
from unsampling_pack.host import record
from unsampling_pack.host.facts import Facts, Family
from unsampling_pack.unsampling import storage

ROOT = Path(__file__).parents[2]
SOLVERS = solvers.recorded()
SIGMAS = sigma_lists.karras(8)
HUGE = 10**15  # bytes that fit under no limit
SETTINGS = [(0.0, 1.0), (0.5, 0.6), (1.0, 1.0)]


class Cancelled(BaseException):
    """Like ComfyUI's InterruptProcessingException, no Exception."""


def on_disk(folder, lasting=True):
    return storage.room(folder, HUGE, 0, lasting)


def files(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def recorded_on_disk(folder, solver="midpoint", record=True, shape=IMAGES):
    place = world(shape)
    with on_disk(folder) as keep:
        return unsample(denoiser(place), clip(place), SIGMAS, solver, record, store=keep)


def tensors(inversion):
    return [inversion.noise, inversion.record.source, *inversion.record.outputs]


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("record", [True, "half"])
@pytest.mark.parametrize("shape", [IMAGES, VIDEO], ids=["images", "video"])
def test_a_record_on_disk_gives_the_same_bits(tmp_path, solver, record, shape):
    place = world(shape)
    ours = recorded_on_disk(tmp_path, solver, record, shape)
    theirs = unsample(denoiser(place), clip(place), SIGMAS, solver, record)
    assert len(files(tmp_path)) == 1 + len(ours.record.outputs)
    assert all(
        torch.equal(a, b) and a.dtype == b.dtype for a, b in zip(tensors(ours), tensors(theirs), strict=True)
    )
    edit = denoiser(place, OTHER, 3.0)
    for structure, fidelity in SETTINGS:
        with on_disk(tmp_path, lasting=False) as keep:
            found = resample(edit, ours, structure, fidelity, store=keep)
        assert torch.equal(found, resample(edit, theirs, structure, fidelity))
    assert all(torch.equal(a, b) for a, b in zip(misses(ours), misses(theirs), strict=True))
    assert torch.equal(metrics.corrections(ours), metrics.corrections(theirs))


def test_files_of_one_pass_go_at_its_end_whoever_holds_the_tensors(tmp_path):
    x = torch.rand(5, 4, 3, 3)
    with on_disk(tmp_path, lasting=False) as keep:
        held = keep(x)
        assert len(files(tmp_path)) == 1
    assert files(tmp_path) == [] and torch.equal(held, x)


def test_files_go_with_their_tensors(tmp_path):
    made = recorded_on_disk(tmp_path)
    assert len(files(tmp_path)) == 1 + len(made.record.outputs)
    one = made.record.outputs[3]
    del made
    assert len(files(tmp_path)) == 1
    del one
    assert files(tmp_path) == []


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_way_that_is_walked_again_goes_with_its_pass_and_the_record_stays(tmp_path, solver):
    made = recorded_on_disk(tmp_path, solver)
    before, most = files(tmp_path), []
    with on_disk(tmp_path, lasting=False) as keep:
        resample(denoiser(world()), made, callback=lambda *_: most.append(len(files(tmp_path))), store=keep)
    assert len(before) + 8 <= most[0] <= len(before) + 8 * solvers.pair(solver).stages + 1
    assert files(tmp_path) == before


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("at", range(1, 11))
def test_a_cancel_at_any_call_leaves_no_file(tmp_path, solver, at):
    place = world()
    made, seen = unsample(denoiser(place), clip(place), SIGMAS, solver), []

    def cancel(call, calls, *_):
        seen.append(len(files(tmp_path)))
        if call == min(at, calls):
            raise Cancelled

    for lasting, run in (
        (
            True,
            lambda keep: unsample(
                denoiser(place), clip(place), SIGMAS, solver, True, 1.0, cancel, store=keep
            ),
        ),
        (False, lambda keep: resample(denoiser(place), made, 0.0, 1.0, cancel, keep)),
    ):
        with pytest.raises(Cancelled) as caught, on_disk(tmp_path, lasting) as keep:
            run(keep)
        # `caught` still holds the traceback, and so the tensors: the files must not wait for it
        assert caught.tb is not None and seen[-1] > 0 and files(tmp_path) == []


def test_below_the_limit_nothing_is_written(tmp_path, monkeypatch):
    x = torch.zeros(4, 4, 64, 64)
    whole = sum(storage.latents(x, 18, False, 16))
    assert whole == x.nbytes * (1 + 18 + 17)
    assert sum(storage.latents(x, 18, True, 16)) == x.nbytes * (1 + 9 + 17)
    for limit, expected in ((whole, 0), (whole - 1, 1)):
        monkeypatch.setenv(storage.VARIABLE, repr(limit / 2**30))
        with storage.room(tmp_path, whole, whole, True) as keep:
            held = keep(x)
            assert len(files(tmp_path)) == expected
            told = storage.remark(whole)
            assert told.startswith(f", the record {'on disk' if expected else 'in RAM'} (9 MiB with what the")
        assert torch.equal(held, x) and held.data_ptr() != x.data_ptr()
        del held
    monkeypatch.delenv(storage.VARIABLE)
    assert storage.limit() == 2 * 2**30


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("record", [True, "half"])
@pytest.mark.parametrize("end", [0.5, 1.0])
def test_the_size_is_known_beforehand(tmp_path, solver, record, end):
    place = world()
    made = unsample(denoiser(place), clip(place), SIGMAS, solver, record, end)
    points = solvers.pair(solver).stages * made.steps
    written, walked = storage.latents(clip(place), made.calls, made.record.half, points)
    assert written == made.nbytes
    kept = []
    resample(denoiser(place), made, store=lambda x: kept.append(x.clone()) or kept[-1])
    assert walked - made.noise.nbytes <= sum(x.nbytes for x in kept) <= walked


@pytest.mark.parametrize("record", [True, "half"])
@pytest.mark.parametrize("high", [14.6, 250.0])
def test_the_size_of_a_record_is_that_of_its_latents(record, high):
    """The answers to noise alone are one latent."""
    place = world()
    sigmas = sigma_lists.karras(8, high=high)
    made = unsample(denoiser(place), clip(place), sigmas, record=record, direct=0.5)
    assert (made.record.direct.bare is None) is (high == 250.0)
    assert storage.of_inversion(made, made.record, clip(place))[0] == made.nbytes


@pytest.mark.parametrize("given", ["two", "-1", "nan", ""])
def test_a_limit_that_is_no_number_of_gib_is_named(tmp_path, monkeypatch, given):
    monkeypatch.setenv(storage.VARIABLE, given)
    with (
        pytest.raises(Exception, match=f"{storage.VARIABLE} is '{given}'; set it to the GiB"),
        storage.room(tmp_path, 0, 0, True),
    ):
        pass


def test_a_disk_that_is_too_small_is_refused_before_the_first_call(tmp_path):
    calls = []
    with (
        refused(r"needs 9\.31e\+05 GiB in .* GiB are free; free some space"),
        storage.room(tmp_path / "new", HUGE, HUGE, True) as keep,
    ):
        calls.append(keep)
    assert calls == [] and files(tmp_path / "new") == []


@contextmanager
def file_size(most):
    """Files of at most that many bytes: what a full disk does, without filling one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_write_that_fails_is_one_sentence_and_leaves_nothing(tmp_path):
    small, large = torch.ones(10, 4, 4, 4), torch.ones(1000, 4, 16, 16)
    sentence = r"the record could not be written to .*; free some space"
    with refused(sentence) as caught, on_disk(tmp_path) as keep:
        held = keep(small)
        with file_size(100_000):
            keep(large)
    assert "\n" not in str(caught.value)
    assert files(tmp_path) == [] and torch.equal(held, small)


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "taken").write_text("a file in its place")
    with (
        refused(r"taken cannot be made or read .*; free some space") as caught,
        on_disk(tmp_path / "taken"),
    ):
        pass
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_take_its_name_leaves_nothing(tmp_path, monkeypatch):
    """On Windows a scanner may hold a new file for a moment."""

    def refuse(path, target):
        raise PermissionError(errno.EACCES, "in use", str(path))

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(Exception, match="the record could not be"), on_disk(tmp_path) as keep:
        keep(torch.ones(3, 4, 2, 2))
    assert files(tmp_path) == []


READ_ONLY = OSError(errno.EROFS, "Read-only file system")
GONE = OSError(errno.ENOTDIR, "Not a directory")
TORN = SafetensorError("Error while deserializing header: IO error")


@pytest.mark.parametrize(
    ("place", "name", "error"),
    [
        (storage, "save_file", READ_ONLY),
        (storage, "save_file", SafetensorError("IoError(Os { code: 30 })")),
        (Path, "replace", READ_ONLY),
        (Path, "replace", GONE),
        (storage, "safe_open", TORN),
        (storage, "safe_open", OSError(errno.ENOMEM, "Cannot allocate memory")),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_clean_up_that_fails_too_does_not_hide_the_sentence(tmp_path, monkeypatch, place, name, error):
    """A disk that turns read-only while a record is written takes no file and gives none back."""

    def refuse(*given, **named):
        raise error

    def keep_it(path, missing_ok=False):
        raise READ_ONLY

    sentence = r"the record could not be written to .* \(.*\); free some space"
    with monkeypatch.context() as patch:
        patch.setattr(place, name, refuse)
        patch.setattr(Path, "unlink", keep_it)
        with refused(sentence) as caught, on_disk(tmp_path) as keep:
            keep(torch.ones(3, 4, 2, 2))
    assert str(error) in str(caught.value) and caught.value.__cause__ is None
    with on_disk(tmp_path):  # a disk that gives again
        assert files(tmp_path) == []


def test_a_folder_that_takes_no_file_is_refused_before_the_first_call(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda folder, kind: (folder, kind) != (tmp_path, os.W_OK))
    with refused("cannot be written to; free some space"), on_disk(tmp_path):
        raise AssertionError("the pass began")


def test_a_file_that_cannot_be_removed_yet_is_removed_by_the_next_record(tmp_path, monkeypatch):
    """On Windows a file stays as long as a tensor reads from it."""
    real, refuse = Path.unlink, [True]

    def unlink(path, missing_ok=False):
        if refuse[0] and path.suffix == ".safetensors":
            raise PermissionError(errno.EACCES, "in use", str(path))
        real(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", unlink)
    made = recorded_on_disk(tmp_path)
    count = 1 + len(made.record.outputs)
    del made
    assert len(files(tmp_path)) == count
    refuse[0] = False
    with on_disk(tmp_path):
        assert files(tmp_path) == []


def test_a_record_outlives_a_folder_that_somebody_cleared(tmp_path):
    """ComfyUI clears its temp folder when it starts, and two of them may share one."""
    folder, place = tmp_path / "temp", world()
    made = recorded_on_disk(folder)
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    with on_disk(folder, lasting=False) as keep:
        assert torch.equal(resample(denoiser(place), made, store=keep), clip(place))
    del made
    assert files(folder) == []


def test_nothing_done_to_a_tensor_reaches_its_file(tmp_path):
    x = torch.rand(5, 4, 3, 3)
    with on_disk(tmp_path) as keep:
        held = keep(x.transpose(2, 3)[1:])
    assert torch.equal(held, x.transpose(2, 3)[1:])
    held.fill_(7)
    from safetensors.torch import load_file

    (path,) = tmp_path.iterdir()
    assert torch.equal(load_file(path)["x"], x.transpose(2, 3)[1:])


@pytest.mark.parametrize(
    ("frames", "copies"),
    [([2, 3, 4], 0), ([1, 3, 5], 0), ([6], 0), ([5, 2, 2], 10), ([2, 2], 10), ([5, 3, 1], 10)],
)
def test_a_slice_of_noise_reads_its_slice_of_the_files(tmp_path, frames, copies):
    """No copy in memory of frames at equal distances; other frames go to disk again."""
    made = recorded_on_disk(tmp_path, "euler")
    samples, put = made.noise.clone(), []
    family = Family("model", "format", "sampling", "table", 1.0)
    facts = Facts(family, windows="", latent_format=None, frames=len(samples), cfg=1.0)
    latent = record.noise_latent({}, samples, made, facts, None)
    kept = record.of_latent(latent)
    fit = kept.fitted(samples[frames], lambda x: put.append(x) or x)
    assert fit.frames == frames and len(put) == copies
    assert torch.equal(fit.inversion.record.source, made.record.source[frames])
    outputs = tuple(x[frames] for x in made.record.outputs)
    assert all(torch.equal(a, b) for a, b in zip(fit.inversion.record.outputs, outputs, strict=True))
    whole = Inversion(made.noise[frames], SIGMAS, "euler", 0, Record(made.record.source[frames], outputs))
    edit = denoiser(world((len(frames), *IMAGES[1:])), OTHER, 2.0)
    assert torch.equal(resample(edit, fit.inversion), resample(edit, whole))


SCRIPT = """
import json, sys
from pathlib import Path
sys.path[:0] = [{root!r}]
import torch
from benchmarks.host.peak import Peak
from unsampling import resample, schedules, solvers, storage, unsample
folder, frames = Path(sys.argv[1]), int(sys.argv[2])
torch.set_num_threads(1)

def denoise(x, sigma, step):
    return x / (1 + sigma ** 2)

def both(x0):
    with storage.room(folder, 10**15, 0, True) as keep:
        made = unsample(denoise, x0, sigmas, solver, store=keep)
    with storage.room(folder, 10**15, 0, False) as keep:
        return made, resample(denoise, made, store=keep)

found, sigmas = [], schedules.ays("SD1", 24)
for solver in solvers.recorded():
    both(torch.ones(2, 4, 8, 8))
    x0 = torch.randn(frames, 4, 64, 64)
    with Peak(folder) as peak:
        made, clip = both(x0)
    assert torch.equal(clip, x0)
    found.append([peak.anonymous / x0.nbytes, peak.disk / x0.nbytes])
print(json.dumps(found))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from Linux's /proc")
def test_memory_is_a_few_latents_whatever_the_steps_and_the_program_leaves_no_file(tmp_path):
    """24 steps keep about 50 latents, all on disk. The program ends while it still holds a record."""
    tidy = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "0"}
    script = SCRIPT.format(root=str(ROOT))
    answer = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path), "48"],
        capture_output=True,
        text=True,
        env=os.environ | tidy,
        timeout=600,
    )
    assert answer.returncode == 0, answer.stderr
    for in_memory, in_files in json.loads(answer.stdout):
        assert 3 < in_memory < 14  # measured: 12 for midpoint, 9 for the others
        assert in_files > 48
    assert files(tmp_path) == []


def test_time_left_is_reckoned_without_the_first_call_once_there_is_another():
    told, now, reports = [], iter([60.0, 100.0, 110.0, 130.0, 133.0]), []
    timed = progress.with_time_left(lambda *given: reports.append(given), told.append, lambda: next(now))
    for call in range(1, 5):
        timed(call, 4, 1.0, torch.zeros(1), torch.ones(1))
    assert told == [
        ("call 1 of 4", "2 min left", ""),
        ("call 2 of 4", "20 s left", ""),
        ("call 3 of 4", "15 s left", ""),
    ]
    assert [given[:2] for given in reports] == [(1, 4), (2, 4), (3, 4), (4, 4)]


@pytest.mark.parametrize(
    ("guided", "later"),
    [
        (True, "then 50 s"),
        (False, "then 50 s to 2 min"),
    ],
)
def test_time_left_of_the_resampling_too(guided, later):
    told, now, then = [], iter([0.0, 10.0, 20.0]), progress.to_resample(5, guided)
    timed = progress.with_time_left(lambda *_: None, told.append, lambda: next(now), then=then)
    for call in (1, 2):
        timed(call, 3, 1.0, torch.zeros(1), torch.ones(1))
    assert told == [
        ("call 1 of 3", "20 s left", later),
        ("call 2 of 3", "10 s left", later),
    ]


@pytest.mark.parametrize("solver", solvers.PAIRS)
@pytest.mark.parametrize(("end", "direct"), [(1.0, 0.0), (0.5, 0.0), (1.0, 0.5), (0.5, 0.5), (1.0, None)])
@pytest.mark.parametrize("shows", [True, False])
def test_the_calls_of_the_resampling_are_known_before_the_first(solver, end, direct, shows):
    if solver not in solvers.recorded() and direct != 0:
        return
    sigmas = schedules.ays("SD1", 8) if shows else sigma_lists.karras(8, high=250.0)
    told = engine.calls_there_and_back(solver, sigmas, end, direct, shows)
    noise = unsample(
        lambda x, sigma, step: 0.5 * x, torch.randn(2, 4, 8, 8), sigmas, solver, end=end, direct=direct
    )
    assert (noise.record is not None and noise.record.direct is not None) is (direct != 0)
    assert direct == 0 or (noise.record.direct.bare is not None) is shows
    assert 0 <= told - engine.calls_falling(noise) <= 1


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 s"), (59.4, "59 s"), (89, "89 s"), (100, "2 min"), (3600, "60 min"), (7500, "2 h")],
)
def test_times_in_words(seconds, words):
    assert progress.in_words(seconds) == words
