"""The sentences that the user of a node reads: the engine's fact, then the cure in the user's words."""

import wave
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import pytest
import torch
from PIL import Image

from unsampling_pack import unsampling as engine
from unsampling_pack.host import cures
from unsampling_pack.unsampling import curves, errors, noise_file, storage
from unsampling_pack.unsampling.report import metrics
from unsampling_pack.unsampling.video import edges, footage

CLIP, SIGMAS = torch.ones(2, 4, 3, 3), torch.tensor([4.0, 2.0, 1.0])


def unsample(x0=CLIP, sigmas=SIGMAS, answer=0.5, **settings):
    return engine.unsample(lambda x, sigma, step: answer * x, x0, torch.as_tensor(sigmas), **settings)


def resample(**settings):
    return engine.resample(lambda x, sigma, step: x, unsample(record=False), **settings)


def store(folder):
    with storage.room(folder, 10**15, 0, lasting=True) as room:
        room(CLIP)


def sound():
    file = BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1), writer.setsampwidth(2), writer.setframerate(8000)
        writer.writeframes(bytes(1600))
    return file


def picture():
    file = BytesIO()
    Image.new("RGB", (8, 8)).save(file, "PNG")
    return file


def no_ticks(count):
    return lambda: None


WANTED = footage.Wanted(megapixels=0.01, multiple=8, every_nth=1, most=0)
NAN = float("nan")
REFUSALS = {
    "no list": (
        lambda: unsample(sigmas=[[4.0], [2.0]]),
        "sigmas has shape (2, 1)",
        "connect one list of sigmas",
    ),
    "no sigmas": (
        lambda: unsample(sigmas=[]),
        "sigmas is empty",
        "connect a scheduler with at least 1 step and a denoise above 0",
    ),
    "one sigma": (
        lambda: unsample(sigmas=[3.0]),
        "sigmas has one entry (3), which is no step",
        "connect a scheduler with at least 1 step",
    ),
    "rising": (
        lambda: unsample(sigmas=[0.0, 1.0, 14.0]),
        "sigmas rises from 0 to 14",
        "connect the scheduler directly, without FlipSigmas or Reverse Sigmas: the node turns it round"
        " itself",
    ),
    "equal": (
        lambda: unsample(sigmas=[4.0, 2.0, 2.0, 0.0]),
        "sigmas does not fall at entry 1: 2 is followed by 2",
        "connect an ordinary scheduler",
    ),
    "nan sigma": (
        lambda: unsample(sigmas=[4.0, NAN, 0.0]),
        "sigmas holds a NaN or an infinite value",
        "connect an ordinary scheduler",
    ),
    "negative sigma": (
        lambda: unsample(sigmas=[4.0, -0.5]),
        "sigmas ends below 0, at -0.5",
        "connect an ordinary scheduler, which ends at 0",
    ),
    "no frames": (
        lambda: unsample(CLIP[:0]),
        "x0 is empty, shape (0, 4, 3, 3)",
        "encode at least one frame",
    ),
    "nan latent": (
        lambda: unsample(CLIP * NAN),
        "x0 holds NaN or infinite values",
        "check the VAE that encoded it (a half-precision VAE overflows on some clips: try --fp32-vae)",
    ),
    "nan of the model": (
        lambda: unsample(answer=NAN),
        "the model returned NaN or infinite values at model call 1 of 4 (step 2, sigma 1), frame 0, 1",
        "try a lower cfg, another precision (for example --force-upcast-attention) or another VAE",
    ),
    "mask": (
        lambda: unsample(record=False, mask=torch.ones(1, 1, 3, 3)),
        "a mask needs the record of the unsampling, which holds the source",
        "switch record on, with a solver other than ees25, or remove the mask",
    ),
    "structure": (
        lambda: resample(structure=0.5),
        "structure above 0 needs the record of the unsampling",
        "switch record on in the Exact Unsampler, with a solver other than ees25, or lower its end instead",
    ),
    "direct": (
        lambda: unsample(record=False, direct=0.5),
        "direct above 0 needs the record of the unsampling",
        "switch record on in the Exact Unsampler, with a solver other than ees25, or set direct to 0",
    ),
    "direct not kept": (
        lambda: resample(direct=0.5),
        "direct is 0.5, 1 steps, and the record has the source's answers for 0",
        "lower direct here, or raise it in the Exact Unsampler",
    ),
    "hold": (
        lambda: resample(hold=0.5),
        "hold above 0 needs the record of the unsampling",
        "switch record on in the Exact Unsampler, with a solver other than ees25, or set hold to 0",
    ),
    "steady": (
        lambda: resample(steady=0.5),
        "steady above 0 needs the record of the unsampling",
        "switch record on in the Exact Unsampler, with a solver other than ees25, or set steady to 0",
    ),
    "no record": (
        lambda: metrics.corrections(unsample(record=False)),
        "noise has no record to compare with",
        "switch record on in the Exact Unsampler",
    ),
    "other shape": (
        lambda: metrics.compare(CLIP[:1], CLIP),
        "reconstruction has shape (1, 4, 3, 3), what it is compared with has (2, 4, 3, 3)",
        "connect the same clip, neither cut nor resized",
    ),
    "no folder": (
        lambda: store(Path(__file__)),
        f"the record is too long for main memory, and {__file__} cannot be made or read ([Errno 17] File"
        f" exists: {__file__!r})",
        "free some space, start ComfyUI with --temp-directory on a larger disk, or unsample with record half"
        " or off",
    ),
    "no folder for a file of noise": (
        lambda: noise_file.save(iter([Path("/nowhere/noise.safetensors")]), noise_file.Saved(CLIP), False),
        "the file noise.safetensors could not be written to /nowhere ([Errno 2] No such file or directory:"
        " '/nowhere')",
        "free some space, choose another filename_prefix, or start ComfyUI with --output-directory on a"
        " larger disk",
    ),
    "no numbers": (
        lambda: curves.over_frames("0.5", 8, "structure"),
        "structure is a str",
        "give a number, a list of numbers over the clip (Value Scheduling) or a curve",
    ),
    "not one number": (
        lambda: curves.one_number([1.0, 2.0], "cfg"),
        "cfg is 2 numbers",
        "give one number for the whole clip: only structure and fidelity change over it",
    ),
    "nan setting": (
        lambda: curves.over_frames([0.5, NAN], 8, "fidelity"),
        "fidelity is NaN (not a number) at value 2 of 2",
        "check the node that makes it: it has a number missing, or divides by 0",
    ),
    "sound alone": (
        lambda: footage.of_file(sound(), 0.0, 0.0, WANTED, no_ticks),
        "video (in memory) has no moving pictures",
        "load a file that has",
    ),
    "no frame in memory": (
        lambda: footage.of_images(torch.ones(0, 8, 8, 3), Fraction(24), WANTED, no_ticks),
        "video has no frame",
        "connect one that has",
    ),
    "no frame in the time": (
        lambda: footage.of_file(picture(), 5.0, 0.0, WANTED, no_ticks),
        "video (in memory) has no frame in the time asked for",
        "set another start or duration in Trim Video",
    ),
    "thresholds": (
        lambda: edges.canny(torch.ones(1, 8, 8, 3), 0.5, 0.3, torch.device("cpu"), lambda: None),
        "low_threshold (0.5) is above high_threshold (0.3)",
        "set it lower",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_the_node_adds_the_cure_to_the_engines_fact(name):
    call, fact, cure = REFUSALS[name]
    with pytest.raises(engine.UnsamplingError) as refusal:
        call()
    assert str(refusal.value) == fact
    assert cures.sentence(refusal.value) == f"{fact}; {cure}"


def test_a_sentence_with_a_cure_in_pythons_terms_is_shown_as_it_is():
    with pytest.raises(engine.UnsamplingError) as refusal:
        resample(fidelity=1.5)
    assert cures.sentence(refusal.value) == "fidelity is 1.5; set it between 0 and 1"


def test_every_cause_has_its_cure():
    assert set(cures.CURES) == set(errors.Cause)


def test_every_cause_is_met_above():
    assert {cure for _, _, cure in REFUSALS.values()} == set(cures.CURES.values())
