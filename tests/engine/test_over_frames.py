"""Numbers, lists in time and curves as one value a frame (unsampling/curves.py)."""

from array import array
from collections import deque
from decimal import Decimal
from fractions import Fraction

import numpy as np
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


@pytest.mark.parametrize("number", [0, 1, 0.1, True])
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


@pytest.mark.parametrize(
    "nested", [lambda v: [v], lambda v: [[one] for one in v], lambda v: torch.tensor([v])]
)
def test_a_nested_list_of_the_whole_clip_does_too(nested):
    values = [0.0, 0.0, 1.0, 1.0]
    assert curves.over_part(nested(values), [2, 3], 4, "structure").tolist() == [1.0, 1.0]


@pytest.mark.parametrize("one", [torch.tensor(0.5), np.array(0.5), np.float32(0.5), torch.tensor([0.5])])
def test_one_number_in_any_form_is_one_for_a_part_too(one):
    found = curves.over_part(one, [2, 3], 4, "structure")
    assert torch.as_tensor(found).flatten().unique().tolist() == [0.5]


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


class Series:
    """Like a Series of pandas: rows by label, no sequence, and neither a number nor true or false."""

    def __init__(self, values):
        self.values = np.array(values)

    def __getitem__(self, label):
        raise KeyError(label)

    def __len__(self):
        return len(self.values)

    def __bool__(self):
        raise ValueError("The truth value of a Series is ambiguous.")

    def __float__(self):
        raise TypeError("cannot convert the series to <class 'float'>")

    def tolist(self):
        return self.values.tolist()


class Table:
    """Like a table of pandas: it can become an array of numpy, and no more."""

    def __init__(self, values):
        self.values = np.array(values)

    def __array__(self, dtype=None, copy=None):
        return self.values


THREE = [0.25, 0.0, 1.0]
WIDE = torch.tensor([THREE, [9.0] * 3])
SEVERAL = {
    "array": np.array(THREE),
    "half array": np.array(THREE, np.float16),
    "whole numbers": np.array([1, 0, 1]),
    "objects": np.array(THREE, object),
    "column": np.array(THREE)[:, None],
    "row": np.array([THREE]),
    "tensor": torch.tensor(THREE),
    "brain tensor": torch.tensor(THREE, dtype=torch.bfloat16),
    "trained tensor": torch.tensor(THREE, requires_grad=True),
    "view": WIDE.T[:, 0],
    "true or false": torch.tensor([True, False, True]),
    "Series": Series(THREE),
    "table of one column": Table([[one] for one in THREE]),
    "nested": [[one] for one in THREE],
    "list of arrays": [np.array([one]) for one in THREE],
    "list of tensors": [torch.tensor(one) for one in THREE],
    "tuple of numpy numbers": tuple(np.float32(one) for one in THREE),
    "list of Series": [Series(THREE)],
    "deque": deque(THREE),
    "Python's array": array("f", THREE),
    "numpy's true or false": np.array([True, False, True]),
    "sparse tensor": torch.tensor(THREE).to_sparse(),
    "sparse column": torch.tensor(THREE)[:, None].to_sparse_csr(),
    "nested tensor": torch.nested.nested_tensor([torch.tensor([one]) for one in THREE], layout=torch.jagged),
    "small floats": torch.tensor(THREE).to(torch.float8_e4m3fn),
    "decimals": [Decimal(str(one)) for one in THREE],
    "decimal objects": np.array([Decimal(str(one)) for one in THREE], object),
    "fractions": [Fraction(one) for one in THREE],
    "numpy's long doubles": [np.longdouble(one) for one in THREE],
}


@pytest.mark.parametrize("value", SEVERAL.values(), ids=SEVERAL)
def test_numbers_are_numbers_whatever_library_holds_them(value):
    whole = ("whole numbers", "true or false", "numpy's true or false")
    first = 1.0 if any(value is SEVERAL[name] for name in whole) else 0.25
    expected = torch.tensor([first, 0.0, 1.0])
    found = curves.over_frames(value, 3, "structure")
    assert torch.equal(found, expected) and found.dtype == torch.float32 and not found.requires_grad
    stretched = curves.over_frames(value, 5, "structure")
    torch.testing.assert_close(stretched, torch.tensor([first, first / 2, 0.0, 0.5, 1.0]))


ONE = {
    "numpy number": np.float32(0.5),
    "numpy whole number": np.int64(1),
    "tensor": torch.tensor(0.5),
    "brain tensor": torch.tensor(0.5, dtype=torch.bfloat16),
    "array": np.array(0.5),
    "numpy true": np.bool_(True),
    "decimal": Decimal("0.5"),
    "fraction": Fraction(1, 2),
    "sparse tensor": torch.tensor([0.5]).to_sparse()[0],
}


@pytest.mark.parametrize("value", ONE.values(), ids=ONE)
def test_one_number_stays_one_whatever_library_holds_it(value):
    for found in (curves.over_frames(value, 3, "fidelity"), curves.one_number(value, "cfg")):
        assert isinstance(found, float) and found in (0.5, 1.0)


@pytest.mark.parametrize("value", [[0.5], torch.tensor([[0.5]]), Series([0.5])])
def test_a_list_of_one_number_will_do_where_one_is_wanted(value):
    assert curves.one_number(value, "cfg") == 0.5


@pytest.mark.parametrize("value", SEVERAL.values(), ids=SEVERAL)
def test_several_numbers_are_refused_where_one_is_wanted(value):
    with refused("cfg is 3 numbers; give one number for the whole clip"):
        curves.one_number(value, "cfg")


class Unreadable:
    """An array of a library that does not give its numbers away."""

    def __array__(self, dtype=None, copy=None):
        raise ValueError("use to_host() first")


IN_ITSELF: list = []
IN_ITSELF.append(IN_ITSELF)


@pytest.mark.parametrize("huge", [10**400, Fraction(10**400), np.float64(1e300), Decimal("1e999")])
def test_a_number_too_large_is_infinite(huge):
    for sign in (1, -1):
        assert curves.one_number(sign * huge, "cfg") in (sign * np.inf, sign * 1e300)
        assert curves.over_frames([0, sign * huge], 2, "structure").tolist() == [0, sign * np.inf]


class Nowhere:
    """A curve without points."""

    def interp(self, x):
        return float("nan")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (float("nan"), r"structure is NaN \(not a number\); check the node that makes it"),
        ([0.1, float("nan"), 0.3], r"structure is NaN \(not a number\) at value 2 of 3; check"),
        (np.array([0.1, 0.2, np.nan]), "structure is NaN .* at value 3 of 3"),
        (torch.tensor([[float("nan")], [0.2]]), "structure is NaN .* at value 1 of 2"),
        (Series([np.nan, 0.2]), "structure is NaN .* at value 1 of 2"),
        (Nowhere(), "structure is NaN .* at value 1 of 8"),
        (Decimal("sNaN"), "structure is NaN"),
        ([Fraction(1, 2), Decimal("NaN")], "structure is NaN .* at value 2 of 2"),
    ],
)
def test_nan_is_refused_as_such(value, words):
    with refused(words):
        curves.over_frames(value, 8, "structure")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (WIDE, "structure is 2 x 3 numbers; give a number, a list of numbers over the clip"),
        (np.zeros((2, 4, 4)), "structure is 2 x 4 x 4 numbers"),
        ([[0.1], [0.2, 0.3]], "structure is a list with rows of different lengths"),
        ([0.1, [0.2]], "structure is a list with rows of different lengths"),
        (torch.zeros(0), "structure is an empty list"),
        (Series([]), "structure is an empty list"),
        ([[]], "structure is an empty list"),
        (np.array(["0.1"]), "structure is a ndarray with str in it"),
        (torch.tensor([1j]), "structure is a Tensor with complex in it"),
        ({0: 0.1}, "structure is a dict; give a number"),
        ([0.1, None], "structure is a list with NoneType in it"),
        (b"12", "structure is a bytes"),
        (iter([0.1]), "structure is a list_iterator"),
        (torch.empty(3, device="meta"), "structure is a Tensor whose numbers cannot be read; give a number"),
        (Unreadable(), "structure is a Unreadable whose numbers cannot be read"),
        (IN_ITSELF, "structure is a list whose numbers cannot be read"),
    ],
)
def test_what_is_no_row_of_numbers_is_refused(value, words):
    with refused(words):
        curves.over_frames(value, 8, "structure")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("0.5", "structure is a str; give a number, a list of numbers over the clip"),
        ([], "structure is an empty list"),
        ([0.1, "a"], "structure is a list with str in it"),
        (None, "structure is a NoneType"),
    ],
)
def test_anything_else_is_refused_in_a_sentence(value, words):
    with refused(words) as refusal:
        curves.over_frames(value, 8, "structure")
    assert type(refusal.value).__name__ == "UnsamplingError"
