"""What the user of a node reads where the engine refuses: its fact, then the cure."""

import re
from contextlib import contextmanager

import pytest

from unsampling_pack.host import cures
from unsampling_pack.unsampling import UnsamplingError


@contextmanager
def refused(words):
    """A refusal whose sentence on the node, one line, has these words in it, a regular expression."""
    with pytest.raises(UnsamplingError) as refusal:
        yield refusal
    sentence = cures.sentence(refusal.value)
    assert re.search(words, sentence) and "\n" not in sentence
