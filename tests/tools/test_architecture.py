"""What the documents name is there."""
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("document", ["ARCHITECTURE.md", "README.md", "CHANGELOG.md"])
def test_modules_that_a_document_names_exist(document):
    named = set(re.findall(r"`[\w./]*?(\w+\.(?:py|js))`", (ROOT / document).read_text()))
    there = {path.name for path in ROOT.rglob("*.js") if ".venv" not in path.parts}
    there |= {path.name for path in ROOT.rglob("*.py") if ".venv" not in path.parts}
    assert named <= there
    assert len(named) > 20 or document != "ARCHITECTURE.md"
