"""Numbers, lists in time and curves as one value a frame (unsampling/curves.py)."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from node_refusals import refused

from unsampling_pack.unsampling import curves


class Square:
    """A curve as core's editor gives it: any x from 0 to 1 has a y."""

    def interp(self, x):
        return x * x


@pytest.mark.parametrize("number", [0, 1, 0.25, True])
def test_a_number_stays_one(number):
    found = curves.over_frames(number, 8, "structure")
    assert isinstance(found, float) and found == number


def test_a_list_as_long_as_the_clip_is_taken_as_it_is():
    values = [0.3, 0.1, 0.9, 0.0]
    assert torch.equal(curves.over_frames(values, 4, "structure"), torch.tensor(values))


def test_another_length_is_stretched_evenly():
    expected = torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0])
    torch.testing.assert_close(curves.over_frames([0.0, 1.0], 5, "structure"), expected)
    torch.testing.assert_close(curves.over_frames((0.0, 0.5, 1.0), 5, "structure"), expected)
    torch.testing.assert_close(
        curves.over_frames([0.0, 0.1, 0.2, 0.3, 0.4], 3, "fidelity"), torch.tensor([0.0, 0.2, 0.4])
    )


@pytest.mark.parametrize("values", [[0.0, 0.1, 0.2, 0.3, 0.4, 0.5], (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)])
def test_a_list_of_the_whole_clip_means_the_parts_own_frames(values):
    for places in ([2, 3], [5, 1, 0], [4], [1, 1, 2]):
        found = curves.over_part(values, places, 6, "structure")
        assert found.tolist() == pytest.approx([i / 10 for i in places])


def test_anything_else_runs_over_the_part():
    part, frames = [2, 3, 5], 6
    for value in (0.5, [0.1, 0.7, 0.2], [0.0, 1.0], Square()):
        found = curves.over_part(value, part, frames, "structure")
        whole = curves.over_frames(value, len(part), "structure")
        assert torch.equal(torch.as_tensor(found), torch.as_tensor(whole))
    assert curves.over_part([0.0, 0.5, 1.0], [2, 1, 0], 3, "structure").tolist() == [0.0, 0.5, 1.0]
    with refused("structure is a str"):
        curves.over_part("abcdef", part, frames, "structure")


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.integers(1, 60))
def test_stretching_keeps_the_ends_and_the_range(values, frames):
    found = curves.over_frames(values, frames, "structure")
    assert found.shape == (frames,)
    assert min(values) - 1e-6 <= float(found.min()) and float(found.max()) <= max(values) + 1e-6
    assert float(found[0]) == pytest.approx(values[0], abs=1e-6)
    if frames > 1:
        assert float(found[-1]) == pytest.approx(values[-1], abs=1e-6)


def test_a_curve_runs_from_the_first_frame_to_the_last():
    torch.testing.assert_close(curves.over_frames(Square(), 3, "fidelity"), torch.tensor([0.0, 0.25, 1.0]))
    assert curves.over_frames(Square(), 1, "fidelity").tolist() == [0.0]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("0.5", "structure is a str; give a number, a list of numbers over the clip"),
        ([], "structure is an empty list"),
        ([0.1, "a"], "structure is a list with str in it"),
        ([[0.1]], "structure is a list with list in it"),
        (None, "structure is a NoneType"),
    ],
)
def test_anything_else_is_refused_in_a_sentence(value, words):
    with refused(words) as refusal:
        curves.over_frames(value, 8, "structure")
    assert type(refusal.value).__name__ == "UnsamplingError"
