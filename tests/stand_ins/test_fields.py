"""The one way to read other projects' fields: what is not there is refused, not taken for a setting that is
off."""

import json

import pytest
from foreign import Foreign

from unsampling_pack.host.packs.fields import Key, Kind, Project
from unsampling_pack.unsampling import UnsamplingError

FIELDS = ("watts", "colour", "switch")
LAMPS = Project("Lamps", "2.1")
LAMP = Kind(LAMPS, "lamps.desk:DeskLamp", FIELDS, own=("cable",), optional=("dimmer", "hue"))


class DeskLamp(Foreign):
    """A lamp of the project's."""


class LateLamp(DeskLamp):
    """One of its later kinds."""


@pytest.mark.parametrize("value", [60, 0, None, False, [], "red"])
def test_a_field_is_read_whatever_its_value(value):
    assert LAMP.read(Foreign(colour=value), "colour") is value
    assert LAMP.read(Foreign(hue=value), "hue") is value


@pytest.mark.parametrize("field", ["watts", "colour", "switch"])
@pytest.mark.parametrize("use", [LAMP.read, lambda lamp, field: LAMP.write(lamp, field, 1)])
def test_a_missing_field_is_refused_with_project_version_and_field(field, use):
    lamp = DeskLamp(**{f"{name}_new": 1 for name in LAMP.fields})
    with pytest.raises(UnsamplingError) as refusal:
        use(lamp, field)
    assert str(refusal.value) == (
        f"Lamps has no {field} in its DeskLamp any more, which this pack reads as of Lamps 2.1; update this"
        " pack, or install Lamps 2.1"
    )
    assert field not in vars(lamp)


@pytest.mark.parametrize("field", ["dimmer", "hue"])
def test_an_optional_field_may_be_missing(field):
    assert LAMP.read(Foreign(), field) is None
    with pytest.raises(KeyError, match=f"{field} is not declared for lamps.desk:DeskLamp"):
        LAMP.write(Foreign(), field, 1)


@pytest.mark.parametrize("use", [LAMP.read, lambda lamp, field: LAMP.write(lamp, field, 1)])
def test_a_field_that_is_not_declared_is_the_packs_own_mistake(use):
    with pytest.raises(KeyError, match=r"weight is not declared for lamps\.desk:DeskLamp"):
        use(Foreign(weight=3), "weight")


def test_a_field_is_written():
    lamp = Foreign(watts=40, colour="red", switch=True)
    for field, value in {"watts": 60, "colour": None, "switch": False}.items():
        LAMP.write(lamp, field, value)
    assert vars(lamp) == {"watts": 60, "colour": None, "switch": False}


def test_all_values_in_their_order():
    lamp = Foreign(switch=True, hue=3, colour="red", watts=40, weight=2)
    assert list(LAMP.values(lamp).items()) == [
        ("watts", 40),
        ("colour", "red"),
        ("switch", True),
        ("cable", None),
        ("dimmer", None),
        ("hue", 3),
    ]
    with pytest.raises(UnsamplingError, match="Lamps has no colour"):
        LAMP.values(LateLamp(watts=40, switch=True))


@pytest.mark.parametrize("field", FIELDS)
def test_what_takes_the_place_of_the_projects_is_blamed_itself(field):
    with pytest.raises(UnsamplingError) as refusal:
        LAMP.read(Foreign(), field)
    assert str(refusal.value) == (
        f"foreign.Foreign stands where Lamps 2.1 has its DeskLamp, but has no {field}, which this pack reads;"
        " disconnect it, or install Lamps 2.1"
    )


@pytest.mark.parametrize("lamp", [DeskLamp, LateLamp])
def test_a_field_of_its_own_must_be_there_on_the_projects_alone(lamp):
    assert LAMP.read(lamp(cable=3), "cable") == 3 == LAMP.read(Foreign(cable=3), "cable")
    assert LAMP.read(Foreign(), "cable") is None
    with pytest.raises(UnsamplingError, match="Lamps has no cable in its DeskLamp any more"):
        LAMP.read(lamp(), "cable")


def test_what_is_set_and_not_declared_is_found():
    assert LAMP.others(DeskLamp(watts=4, colour=None, bulb="E27", shade=None)) == {"bulb"}


@pytest.mark.parametrize("name, there", [("dumps", True), ("no_such_function", False)])
def test_a_function_that_is_gone_is_refused(name, there):
    key = Key(LAMPS, "json", name)
    if there:
        assert key.function(json)(3) == "3"
        return
    with pytest.raises(
        UnsamplingError, match=r"Lamps has no no_such_function any more, .* install Lamps 2\.1"
    ):
        key.function(json)


def test_what_is_not_known_is_refused_with_project_and_version():
    assert str(LAMP.refuse("a bulb")) == (
        "Lamps has a bulb that this pack does not know: it reads Lamps 2.1; update this pack, or install"
        " Lamps 2.1"
    )
