"""Limits: an environment variable goes before a setting, a setting before ours; what is no number is told."""

import pytest
from node_refusals import refused

from unsampling_pack.unsampling import cache_folder, limits, storage

OURS = [(storage, 2.0), (cache_folder, 20.0)]


@pytest.mark.parametrize(("module", "gib"), OURS, ids=["record", "cache"])
def test_variable_then_setting_then_ours(monkeypatch, module, gib):
    monkeypatch.delenv(module.VARIABLE, raising=False)
    with limits.set_to({module.VARIABLE: 0.5}):
        assert module.limit() == 0.5 * 2**30
        with limits.set_to({}):
            assert module.limit() == gib * 2**30
        monkeypatch.setenv(module.VARIABLE, "3")
        assert module.limit() == 3 * 2**30
        monkeypatch.delenv(module.VARIABLE)
        assert module.limit() == 0.5 * 2**30
    assert module.limit() == gib * 2**30


def test_each_limit_has_a_setting_of_its_own(monkeypatch):
    for module, _ in OURS:
        monkeypatch.delenv(module.VARIABLE, raising=False)
    with limits.set_to({storage.VARIABLE: 0}):
        assert storage.limit() == 0 and cache_folder.limit() == 20 * 2**30


@pytest.mark.parametrize("value", ["much", None, -1, float("nan"), [2], {}], ids=repr)
def test_a_setting_that_is_no_number_is_told(monkeypatch, value):
    monkeypatch.delenv(storage.VARIABLE, raising=False)
    words = "the setting that UNSAMPLING_RECORD_GIB stands for is .*; set it to the GiB of main memory"
    with limits.set_to({storage.VARIABLE: value}), refused(words):
        storage.limit()


def test_what_goes_wrong_within_does_not_leave_the_setting(monkeypatch):
    monkeypatch.delenv(storage.VARIABLE, raising=False)
    with pytest.raises(KeyError), limits.set_to({storage.VARIABLE: 1}):
        raise KeyError
    assert storage.limit() == 2 * 2**30
