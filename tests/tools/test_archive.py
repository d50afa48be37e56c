"""What the registry's archive holds: all that is promised to users, nothing that only developers need."""

import os
import subprocess
from pathlib import Path

import pytest

from tools.dev import archive

LIST = Path(__file__).parents[1] / "data" / "archive.txt"
IGNORED = (archive.ROOT / ".comfyignore").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def files() -> list[str]:
    try:
        return archive.files()
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"NOT RUN: the tracked files are not known here ({error})")


def test_the_archive_holds_the_committed_list(files):
    if os.environ.get("UPDATE_SNAPSHOTS") == "1":
        LIST.write_text("\n".join(files) + "\n", encoding="utf-8")
    listed = LIST.read_text(encoding="utf-8").splitlines()
    assert files == listed, "if this change is meant, run with UPDATE_SNAPSHOTS=1 and commit the list"


@pytest.mark.parametrize(
    "path",
    [
        "__init__.py",
        "LICENSE",
        "README.md",
        "README.zh-CN.md",
        "README.ja.md",
        "CHANGELOG.md",
        "pyproject.toml",
        "nodes/unsample.py",
        "host/packs/core.py",
        "unsampling/solvers/midpoint.py",
        "js/inversion_report.js",
        "js/docs/UNS_Unsampler/en.md",
        "js/docs/UNS_Unsampler/zh-TW.md",
        "js/docs/UNS_Unsampler/effect.webp",
        "js/tests/menu.js",
        "workflows/any title.json",
        "workflows/any title.jpg",
        "locales/en/main.json",
        "locales/ja/nodeDefs.json",
        "subgraphs/Restyle video (unsampling).json",
        "tools/queue_workflow.py",
        "tools/widgets.py",
        "tools/client/client.py",
        "api/README.md",
        "unsampling/docs/table.json",
        "host/demo/README.md",
    ],
)
def test_what_users_need_is_in(path):
    assert archive.shipped([path], IGNORED) == [path]


def test_each_help_page_ships_with_its_picture(files):
    pages = [path for path in files if path.startswith("js/docs/") and path.endswith("/en.md")]
    assert len(pages) > 15
    assert {path.replace("en.md", "effect.webp") for path in pages} <= set(files)


@pytest.mark.parametrize(
    "path",
    [
        "tests/pytest.ini",
        "tests/host/support_nodes/__init__.py",
        "tests/data/object_info.json",
        "demo/model/demo_model.safetensors",
        "benchmarks/results/solvers.md",
        "docs/exactness.md",
        "docs/images/demo.jpg",
        "demo/help/passes.py",
        "docs/start.md",
        "docs/assets/site.css",
        "mkdocs.yml",
        "tools/dev/docs_site.py",
        "tools/dev/archive.py",
        "tools/workflows/build.py",
        ".github/workflows/tests.yml",
        ".ci/run",
        ".gitignore",
        ".comfyignore",
        "Makefile",
        "AGENTS.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "comfy-test.toml",
        "requirements-dev.txt",
        "requirements-demo.txt",
    ],
)
def test_what_only_developers_need_is_out(path):
    assert archive.shipped([path], IGNORED) == []


def test_every_line_is_anchored():
    """docs/ without the slash took js/docs/ along: the archive had no help pages."""
    lines = [line for line in IGNORED.splitlines() if line and not line.startswith("#")]
    assert lines and all(line.startswith("/") for line in lines)
    assert archive.shipped(["js/docs/x.md", "docs/x.md"], "docs/") == []
    assert archive.shipped(["js/docs/x.md", "docs/x.md"], "/docs/") == ["js/docs/x.md"]


def test_the_pack_asks_for_nothing_to_be_installed(files):
    """Manager installs from these two, in the archive's root."""
    assert not {"requirements.txt", "install.py"} & set(files)


def test_unpacked_it_has_each_file_once_and_whole(files, tmp_path):
    folder = archive.unpack(tmp_path / "pack")
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert found == files
    assert all((folder / path).read_bytes() == (archive.ROOT / path).read_bytes() for path in files)


def test_untracked_and_deleted_files_are_not_in_it(tmp_path):
    git = ["git", "-C", str(tmp_path), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    for name in (".comfyignore", "kept.py", "deleted.py", "name with a tab\t.txt"):
        (tmp_path / name).write_text("/out/\n")
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "-A"], check=True)
    (tmp_path / "deleted.py").unlink()
    (tmp_path / "secret.env").write_text("not tracked")
    assert archive.files(tmp_path) == [".comfyignore", "kept.py", "name with a tab\t.txt"]
