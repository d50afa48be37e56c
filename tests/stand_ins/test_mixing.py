"""Mix Noise on LATENTs: what becomes of the samples, of the record, and what is said of it."""

import pytest
import torch

from unsampling_pack.host import places, record, remarks, settings
from unsampling_pack.host.facts import Facts, Family
from unsampling_pack.host.places import Placed
from unsampling_pack.unsampling import Inversion, UnsamplingError, noise_file
from unsampling_pack.unsampling.change import Change
from unsampling_pack.unsampling.direct import Direct
from unsampling_pack.unsampling.record import Record

SIGMAS = torch.tensor([14.6, 1.0, 0.0])
SHAPES = {"pictures": (4, 4, 8, 8), "clip": (2, 4, 3, 8, 8)}
WEAK = 1.4  # the strength of a noise that is wrong


class Format:
    latent_channels = 4

    @staticmethod
    def process_in(samples):
        return (samples - 0.1) * 0.18215

    @staticmethod
    def process_out(samples):
        return samples / 0.18215 + 0.1


def family(**more) -> Family:
    return Family(
        **(
            {"model": "SD", "latent_format": "f", "sampling": "s", "sigma_table": "t", "sigma_max": 14.6}
            | more
        )
    )


def drawn(shape, seed):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def noise(kind="pictures", seed=1, start=0, path=0, recorded=True, mask=None, more=None, **facts) -> dict:
    """The LATENT of a clip's noise."""
    source, shape = drawn(SHAPES[kind], seed + 10), SHAPES[kind]
    x = source + SIGMAS[start] * drawn(shape, seed) * WEAK
    direct = Direct((source,) * path, 1, tuple(range(len(x)))) if path else None
    past = Record(source, (x / 2,) * 3, mask=mask, direct=direct) if recorded else None
    made = Inversion(x, SIGMAS, "euler", start, past, info={"source": "abc"})
    told = Facts(family(**facts), "", Format(), len(x), 1.0)
    return record.noise_latent(more or {}, Format.process_out(x), made, told, None, like="this")


@pytest.fixture
def mix(mixing, monkeypatch):
    """Mix Noise with these settings; `mix.said` is what it said last."""

    def run(latent, amount=0.0, mode=mixing.FRESH, seed=0, other=None, normalise=False, tone=0.0):
        monkeypatch.setattr(mixing.screen, "say", lambda node, text, at_end=False: setattr(run, "said", text))
        mode = mixing.SLERP if mode == "slerp" else mode
        return mixing.mixed(latent, other, mixing.Wanted(amount, seed, mode, normalise, tone), None)

    return run


def carried(latent: dict) -> record.LatentRecord:
    found = record.of_latent(latent)
    assert found is not None
    return found


def fitted(latent: dict) -> record.Fit:
    return carried(latent).fitted(latent["samples"], told=places.of_latent(latent))


def cut(latent: dict, *frames: int) -> dict:
    marks = [latent[places.KEY][i] for i in frames]
    return {**latent, "samples": latent["samples"][list(frames)], places.KEY: marks}


@pytest.mark.parametrize("mode", ["fresh noise", "slerp"])
@pytest.mark.parametrize("amount", [0.0, [0.0, 0.0], torch.zeros(4)])
@pytest.mark.parametrize("recorded", [True, False])
def test_nothing_to_do_hands_on_the_very_latent(mix, mode, amount, recorded):
    latent = noise(recorded=recorded)
    assert mix(latent, amount, mode, other=noise(seed=2)) is latent
    assert mix.said.startswith("the noise is as it was; other is not used by ")


@pytest.mark.parametrize("kind", sorted(SHAPES))
@pytest.mark.parametrize(
    "given, words",
    [
        ({"amount": 0.3, "seed": 5}, "30 percent fresh noise, seed 5"),
        ({"amount": [0.0, 0.5]}, "0 to 50 percent fresh noise, seed 0"),
        ({"amount": 0.5, "mode": "slerp", "other": 2}, "50 percent of the way to the other noise"),
        ({"normalise": True}, "brought to the expected strength"),
        ({"tone": 0.5}, "tone taken out by 0.5"),
        ({"amount": 1.0, "normalise": True, "tone": 1.0},
         "100 percent fresh noise, seed 0, brought to the expected strength, tone taken out by 1"),
    ],
)  # fmt: skip
def test_the_record_goes_with_the_noise_made_over(mix, kind, given, words):
    latent = noise(kind)
    before = latent["samples"].clone()
    given = given | ({"other": noise(kind, 2)} if "other" in given else {})
    made = mix(latent, **given)
    assert torch.equal(latent["samples"], before) and not torch.equal(made["samples"], before)
    fit, past = fitted(made), carried(latent).inversion.record
    assert fit.change is Change.NONE and fit.remark == "" and fit.inversion.mixed
    assert fit.inversion.record.source is past.source and fit.inversion.record.outputs is past.outputs
    assert fit.inversion.info == {"source": "abc", "mixed": words}
    assert carried(made).likeness is None and carried(latent).likeness == "this"
    assert torch.allclose(Format.process_in(made["samples"]), fit.inversion.noise, atol=1e-4)
    assert mix.said.startswith(words + "; strength ")
    assert not carried(latent).inversion.mixed


def test_frames_without_a_share_keep_their_bits_and_those_of_the_record(mix):
    latent = noise()
    made = mix(latent, [0.0, 0.4, 0.0, 1.0])
    same = [torch.equal(*pair) for pair in zip(latent["samples"], made["samples"], strict=True)]
    kept = [
        torch.equal(*pair)
        for pair in zip(carried(latent).inversion.noise, carried(made).inversion.noise, strict=True)
    ]
    assert same == kept == [True, False, True, False]


@pytest.mark.parametrize("frames", [(1, 2), (3, 1), (2,), (0, 2)])
@pytest.mark.parametrize("amount", [0.4, [0.1, 0.2, 0.3, 0.4]])
def test_a_slice_is_mixed_as_its_frames_are_in_the_clip(mix, frames, amount):
    latent = noise()
    first, last = mix(cut(latent, *frames), amount, seed=3), cut(mix(latent, amount, seed=3), *frames)
    assert torch.equal(first["samples"], last["samples"])
    fits = fitted(first), fitted(last)
    for fit in fits:
        assert fit.inversion.mixed and torch.equal(fit.inversion.noise, fits[0].inversion.noise)
        assert torch.equal(fit.inversion.record.source, carried(latent).inversion.record.source[list(frames)])
        assert "exact" not in fit.remark
    assert fits[1].remark == f"{len(frames)} of 4 frames"


@pytest.fixture
def in_file(noise_files, monkeypatch, tmp_path):
    """The LATENT out of the file that it was saved in."""
    files = noise_files.core_files
    monkeypatch.setattr(files, "name_of_format", lambda *_: "Format")
    monkeypatch.setattr(files, "latent_format", lambda _: Format())
    monkeypatch.setattr(files, "rgb", lambda *_: None)

    def run(latent: dict) -> dict:
        path = noise_file.save(iter([tmp_path / "a.safetensors"]), noise_files.to_keep(latent), False)
        made = noise_files._latent(noise_file.load(path))
        path.unlink()
        return made

    return run


WAYS = {
    "as it is": lambda latent, mix, in_file: latent,
    "mixed": lambda latent, mix, in_file: mix(latent, tone=0.5),
    "saved": lambda latent, mix, in_file: in_file(latent),
    "saved and mixed": lambda latent, mix, in_file: mix(in_file(latent), tone=0.5),
    "mixed and saved twice": lambda latent, mix, in_file: in_file(in_file(mix(latent, tone=0.5))),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("frames", [(1, 3), (3, 1), (2,)])
def test_a_slice_knows_its_places_in_the_clip(mix, in_file, frames, way):
    """Its frames have their own numbers of a list for the whole clip, and their own fresh noise."""
    made = WAYS[way](cut(noise(), *frames), mix, in_file)
    fit, numbers = fitted(made), [0.1, 0.2, 0.3, 0.4]
    given = settings.over_clip(numbers, fit, made["samples"], "structure")
    assert torch.equal(torch.as_tensor(given), torch.tensor(numbers)[list(frames)])
    clip = carried(made).clip_latent(made, made["samples"], fit.frames)
    assert clip[places.KEY] == list(frames)
    if "mixed" not in way:  # the tone is that of the frames in hand
        ours, whole = (mix(one, 0.4, seed=3) for one in (made, noise()))
        assert torch.equal(ours["samples"], cut(whole, *frames)["samples"])


def test_masks_of_a_slice_that_was_saved_are_compared(mix, in_file):
    made = in_file(cut(noise(mask=torch.rand(4, 1, 8, 8)), 1, 3))
    either = record.Fit(
        fitted(made).inversion, counts=(2, 4), frames=[0, 1], placed=Placed([0, 1], {0: [0, 1]})
    )
    with pytest.raises(UnsamplingError, match="equal have other masks"):
        settings.check_masks(either, carried(made))


@pytest.mark.parametrize("told", [[0, 4], [-1, 0], [0], [0, 1, 2], "01"])
def test_places_that_a_file_cannot_have_are_refused(noise_files, in_file, monkeypatch, told):
    kept = noise_files._told_record
    monkeypatch.setattr(noise_files, "_told_record", lambda *given: kept(*given) | {"places": told})
    with pytest.raises(UnsamplingError, match="it is damaged"):
        in_file(cut(noise(), 1, 3))


def test_it_is_mixed_again_on_top(mix):
    made = mix(mix(noise(), 0.2, seed=1), tone=0.5)
    assert (
        carried(made).inversion.info["mixed"] == "20 percent fresh noise, seed 1, then tone taken out by 0.5"
    )
    assert fitted(made).change is Change.NONE


def test_noise_that_was_mixed_and_then_changed_by_another_node_is_told_as_changed(mix):
    made = mix(noise(), 0.3)
    for samples, change in (
        (made["samples"] * 1.1, Change.EDITED),
        (made["samples"].half().float(), Change.ROUNDED),
    ):
        fit = fitted(made | {"samples": samples})
        assert fit.change is change and fit.inversion.mixed == (change is Change.ROUNDED)
        assert ("not exact" in fit.remark) == (change is Change.EDITED)
        assert "exact up to" not in fit.remark


def test_what_another_node_changed_before_stays_told(mix):
    latent = noise()
    edited = mix(latent | {"samples": latent["samples"].flip(3)}, 0.3)
    assert fitted(edited).change is Change.EDITED and "the noise was changed since" in mix.said
    joined = mix(
        latent | {"samples": torch.cat([latent["samples"], latent["samples"] * 1.5]), places.KEY: None}, 0.3
    )
    assert fitted(joined).change is Change.FRAMES_ADDED


@pytest.mark.parametrize("kind", sorted(SHAPES))
def test_all_of_the_other_noise_is_that_noise_with_its_own_record(mix, kind):
    other = noise(kind, 2)
    assert mix(noise(kind), 1.0, "slerp", other=other) is other
    assert "the other noise, with its own record" in mix.said
    toned = mix(noise(kind), 1.0, "slerp", other=other, tone=1.0)
    assert carried(toned).inversion.record is carried(other).inversion.record


@pytest.mark.parametrize(
    "mode, amount, path, start, left",
    [
        ("slerp", 0.5, 1, 0, 0),
        ("slerp", 0.5, 2, 1, 2),
        ("fresh noise", 0.5, 1, 0, 1),
        ("slerp", 0.0, 1, 0, 1),
    ],
)
def test_the_direct_path_stays_but_between_two_clips(mix, mode, amount, path, start, left):
    """It begins at one of them. Where the climb ended lower its steps are counted from the path's top."""
    made = mix(noise(path=path, start=start), amount, mode, other=noise(seed=2, path=path, start=start))
    assert carried(made).inversion.direct_steps == left
    assert ("without a direct path" in mix.said) == (left == 0)
    assert ("a direct path still starts from the first clip" in mix.said) == (left == 2)


def test_the_strength_is_the_reports(mix):
    made = mix(noise(), normalise=True)
    assert mix.said.endswith("strength 1 of the expected")
    x, source = carried(made).inversion.noise, carried(made).inversion.record.source
    expected = (source.var([1, 2, 3], correction=0) + SIGMAS[0] ** 2).sqrt()
    assert torch.allclose(x.std([1, 2, 3], correction=0), expected, rtol=1e-4)
    mix(noise(), 0.0, tone=0.01)
    assert f"strength {WEAK:g}" in mix.said


def test_the_clip_that_is_still_in_partial_noise_does_not_fade(mix):
    latent = noise(start=1)
    made = carried(mix(latent, 1.0)).inversion
    own = made.noise - made.record.source
    assert float(torch.corrcoef(torch.stack([own.flatten(), made.record.source.flatten()]))[0, 1]) < 0.1
    assert float(own.std()) == pytest.approx(WEAK, rel=0.1)
    mix(noise(start=1, recorded=False), 1.0)
    assert "what of it is the clip is not known and fades too: switch record on" in mix.said


def test_a_plain_latent_is_mixed_without_a_record(mix):
    latent = {"samples": 80 * drawn((4, 4, 8, 8), 1), "batch_index": [3, 4, 5, 6]}
    made = mix(latent, 0.5, tone=0.5)
    assert set(made) == {"samples", "batch_index"} and "it carries no record" in mix.said
    assert float(made["samples"].std() / latent["samples"].std()) == pytest.approx(1, abs=0.1)
    with pytest.raises(UnsamplingError, match=r"expected strength is not known; .* or switch normalise off"):
        mix(latent, 0.5, normalise=True)


class Nested:
    is_nested = True


def between(other: dict) -> dict:
    return {"amount": 0.5, "mode": "slerp", "other": other}


@pytest.mark.parametrize(
    "given, sentence",
    [
        ({"amount": 1.1}, "amount is 1.1; set it between 0 and 1"),
        ({"amount": [0.5, -0.1]}, "amount is -0.1; set it between 0 and 1"),
        ({"amount": float("nan")}, r"amount is NaN"),
        ({"amount": []}, "amount is an empty list"),
        ({"tone": 2.0}, "tone is 2; set it between 0 and 1"),
        ({"tone": [0.1, 0.2]}, "tone is 2 numbers"),
        ({"amount": 0.5, "mode": "slerp"}, "other is not connected; connect the noise of a second clip"),
        (between({"samples": Nested()}), "other packs several latents in one"),
        (between({"samples": drawn((4, 4, 8, 8), 1)}), "other carries no record"),
        (between(cut(noise(), 1, 2)), r"other has shape \(2, 4, 8, 8\), noise \(4"),
        (between(noise("clip")), r"other has shape \(2, 4, 3, 8, 8\), noise \(4"),
        (between(noise(seed=2, start=1)), r"another last sigma than noise \(1, not 14.6\)"),
        (between(noise(seed=2, sampling="v")), r"another sampling than noise \(v, not s\)"),
        (between(noise(seed=2, model="SDXL")), r"another model than noise \(SDXL, not SD\)"),
    ],
)  # fmt: skip
def test_what_cannot_be_mixed_is_a_sentence(mix, given, sentence):
    with pytest.raises(UnsamplingError, match=sentence):
        mix(noise(), **given)


@pytest.mark.parametrize("latent, sentence", [
    ({"samples": Nested()}, "noise packs several latents in one"),
    ({"samples": torch.zeros(4, 4, 8)}, "noise has shape"),
    ({"samples": torch.full((1, 4, 8, 8), float("nan"))}, "noise holds NaN"),
    (noise() | {"samples": torch.ones(4, 4, 9, 9)}, "do not resize or cut noise"),
])  # fmt: skip
def test_what_is_no_noise_is_a_sentence(mix, latent, sentence):
    with pytest.raises(UnsamplingError, match=sentence):
        mix(latent, 0.5)


PLAIN = {"structure": 0.0, "direct": None, "hold": 0.0, "steady": 0.0}


MADE = "; the noise was mixed (20 percent fresh noise, seed 0)"
RAMP = torch.tensor([0.0, 0.0, 0.0, 1.0])


@pytest.mark.parametrize(
    "given, path, words",
    [
        ({}, range(0), ""),
        ({"hold": 1.0, "steady": 1.0}, range(0), ""),
        ({}, range(1), ""),
        ({"structure": 0.5}, range(0), ""),
        ({}, range(2), ", of which the direct path leaves nothing: lower it"),
        ({"structure": 1.0}, range(0), ", of which structure leaves nothing: lower it"),
        ({"structure": RAMP}, range(0), ", but not in the frames that structure starts lower"),
    ],
)
def test_the_resampler_tells_what_was_done_and_raises_no_alarm(mix, given, path, words):
    made = mix(noise(path=2 if path else 0, mask=torch.ones(4, 1, 1, 1) / 2), 0.2)
    fit = fitted(made)
    settings = PLAIN | {"direct": None if path else 0.0} | given
    if len(path) == 1:
        settings["direct"] = 0.5
    assert remarks.of_change(fit, fit.inversion, settings, path, False) == MADE + words
