"""A settings grid: its cells, labels and counts, and what is refused before a model is called."""

import comfy_objects
import pytest
import torch

from unsampling_pack.unsampling import UnsamplingError


def test_a_row_for_each_prompt_with_all_settings(grid):
    cells = grid.cells("ink\n\n  oil painting \nink\n", "1, 3", "0 0.5;1")
    assert [(cell.prompt, cell.structure, cell.cfg) for cell in cells] == [
        (prompt, structure, cfg)
        for prompt in ("ink", "oil painting")
        for structure in (0, 0.5, 1)
        for cfg in (1, 3)
    ]
    assert grid.columns(cells) == 6
    assert grid.labels(cells).splitlines()[:2] == ["cfg 1, structure 0: ink", "cfg 3, structure 0: ink"]


@pytest.mark.parametrize(
    "text, values",
    [
        ("1", [1]),
        ("1,3,5", [1, 3, 5]),
        (" 1.5 ;\n2 ", [1.5, 2]),
        ("3, 1, 3", [3, 1]),
        ("1e0", [1]),
        (".5,", [0.5]),
        ("1\uff0c2.5\u30014\uff1b", [1, 2.5, 4]),
    ],
)
def test_numbers_are_read_as_people_write_them(grid, text, values):
    assert grid.numbers("cfg", text) == values


@pytest.mark.parametrize(
    "given, words",
    [
        (("", "1", "0"), "prompts is empty; write the looks to compare, one a line"),
        ((" \n ", "1", "0"), "prompts is empty"),
        (("ink", "", "0"), "cfg is empty; write numbers with commas between, such as 1, 2.5, 4"),
        (("ink", "1, x", "0"), "cfg has x in it, which is no number"),
        (("ink", "1", "0-1"), "structure has 0-1 in it, which is no number"),
        (("ink", "nan", "0"), "cfg has nan in it"),
        (("ink", "1", "inf"), "structure has inf in it"),
        (("ink", "1", "0, 1.5"), "structure is 1.5; set it between 0 and 1"),
    ],
)
def test_what_is_no_setting_is_a_sentence(grid, given, words):
    with pytest.raises(UnsamplingError, match=words):
        grid.cells(*given)


class Clip:
    """A text encoder that makes a tensor of a prompt's length."""

    def __init__(self):
        self.asked = []

    def tokenize(self, text):
        return text

    def encode_from_tokens_scheduled(self, tokens):
        self.asked.append(tokens)
        return [[torch.full((1, 2, 3), float(len(tokens))), {"pooled_output": len(tokens)}]]


def test_each_prompt_is_encoded_once_and_gets_what_the_positive_carries(grid):
    like = [[torch.zeros(1), {"control": "net", "pooled_output": None}], [torch.zeros(1), {"hooks": "lora"}]]
    clip = Clip()
    shared = grid.Shared(comfy_objects.Model(), [], {}, like)
    guiders = list(grid._guiders(clip, grid.cells("ink\noil", "1, 3", "0"), shared))
    assert clip.asked == ["ink", "oil"] and [guider.cfg for guider in guiders] == [1, 3, 1, 3]
    made = guiders[2].original_conds["positive"]
    assert [options for _, options in made] == [
        {"control": "net", "pooled_output": 3}, {"hooks": "lora", "pooled_output": 3}
    ]  # fmt: skip
    assert like[0][1]["pooled_output"] is None
    with pytest.raises(UnsamplingError, match="clip is missing"):
        list(grid._guiders(None, grid.cells("ink", "1", "0"), shared))


def test_what_several_restyles_say_is_said_once(grid):
    assert grid._told([], 4) == ""
    assert grid._told(["; a"] * 4, 4) == "; a"
    assert grid._told(["; a", "; b", "; a"], 4) == "; a (in 2 of them); b (in 1 of them)"


def test_one_is_not_many(grid):
    assert grid._counted(12, 192) == "12 restyles, 192 model calls"
    assert grid._counted(1, 1) == "1 restyle, 1 model call"


@pytest.fixture
def silent(sheets, monkeypatch):
    said = []
    monkeypatch.setattr(sheets.screen, "say", lambda node, text, at_end=False: said.append(text))
    monkeypatch.setattr(sheets.screen, "ticks", lambda total: lambda: None)
    return said


@pytest.mark.parametrize("count, frames", [(2, 3), (3, 2), (6, 1), (1, 6)])
def test_pictures_are_divided_among_the_labels(sheets, silent, count, frames):
    pictures = torch.rand(6, 40, 64, 3)
    made = sheets.drawn(pictures, "\n".join("abcdef"[:count]), 0, 0, None, None)
    assert made.shape[0] == frames
    assert silent[0].startswith(f"{count} clips of {frames} frames, ") and silent[0].endswith("iB")


@pytest.mark.parametrize(
    "clips, labels, words",
    [
        (torch.rand(6, 8, 8, 3), "", "labels is empty; write a line for each clip"),
        (torch.rand(6, 8, 8, 3), "a\nb\nc\nd", "clips has 6 frames, and labels 4 lines, which do not divide"),
        (torch.rand(2, 8, 8, 3), "a\nb\nc", "clips has 2 frames, and labels 3 lines"),
        ({"samples": torch.rand(2, 4, 8, 8)}, "a", "clips is a LATENT and vae is not connected"),
    ],
)
def test_what_makes_no_grid_is_a_sentence(sheets, silent, clips, labels, words):
    with pytest.raises(UnsamplingError, match=words):
        sheets.drawn(clips, labels, 0, 320, None, None)


class Vae:
    """A VAE whose frames are the latent's first channels, eight times as large."""

    first_stage_model = object()

    def __init__(self):
        self.lengths = []

    def decode(self, samples):
        self.lengths.append(len(samples))
        if samples.ndim == 5:
            return samples[:, :3].movedim(1, -1).repeat_interleave(8, 2).repeat_interleave(8, 3)
        return samples[:, :3].movedim(1, -1).repeat_interleave(8, 1).repeat_interleave(8, 2)


@pytest.mark.parametrize("shape, lengths", [((6, 4, 4, 8), [3, 3]), ((2, 4, 3, 4, 8), [1, 1])])
def test_latents_are_decoded_one_clip_at_a_time(sheets, silent, shape, lengths):
    vae, samples = Vae(), torch.rand(shape)
    made = sheets.drawn({"samples": samples}, "one\ntwo", 2, 0, vae, None)
    assert vae.lengths == lengths and len(made) == 3
    assert made.shape[2] == 2 * 64 + 3 * 8
    plain = samples if samples.ndim == 4 else samples.movedim(2, 1).flatten(0, 1)
    first = made[:, 8 : 8 + 32, 8 : 8 + 64]
    assert torch.equal(first[:, ::8, ::8], plain[:3, :3].movedim(1, -1))
