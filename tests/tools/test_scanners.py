"""What nodesafe, a scanner of node packs, says of the archive."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from nodesafe.report import Finding, Severity
from nodesafe.scanner import Scanner

from tools.dev import archive

GRAVE = {Severity.CRITICAL, Severity.HIGH}
# Kinds of lesser findings that were looked at, and where they may be.
LOOKED_AT = {
    "obfuscation_chains": ("host/", "unsampling/", "tools/farm/"),  # "ord(" of the word record(
    "code_obfuscation_high_entropy": ("",),  # docstrings
    "code_obfuscation_suspicious_ident": ("unsampling/",),  # _rms
    "dynamic_attribute_access": ("host/", "tools/client/"),  # fields of other packs, by a name of ours
    # the tools, which ComfyUI does not load
    "network_call": ("tools/client/", "tools/farm/pools.py", "api/"),
}


def found_in(folder: Path) -> list[Finding]:
    return Scanner().scan(folder).findings


@pytest.fixture(scope="module")
def findings(tmp_path_factory) -> Iterator[list[Finding]]:
    yield found_in(archive.unpack(tmp_path_factory.mktemp("archive") / "pack"))


def place(finding: Finding) -> str:
    return f"{finding.file}:{finding.line} {finding.title}"


def test_nothing_grave_is_found(findings):
    assert [place(one) for one in findings if one.severity in GRAVE] == []


def test_lesser_findings_are_of_kinds_that_were_looked_at(findings):
    assert findings
    new = [one for one in findings if not one.file.startswith(LOOKED_AT.get(one.category, "none"))]
    assert [place(one) for one in new] == []


@pytest.mark.parametrize(
    "source",
    [
        "import subprocess\nsubprocess.run(['ls'])\n",
        "import pickle\npickle.loads(data)\n",
        "exec(text)\n",
        "import re\nPATTERN = re.compile('a')\n",  # it takes this for compile(): tools/client has none
    ],
)
def test_a_grave_thing_is_found(tmp_path, source):
    (tmp_path / "__init__.py").write_text(source)
    assert {one.severity for one in found_in(tmp_path)} & GRAVE
