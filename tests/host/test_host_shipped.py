"""The archive as a user has it: alone in a ComfyUI, and what it holds for scripts."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from comfy_server import ComfyServer
from host_prompts import committed_prompt, on_small_picture
from host_session import HostSession, started
from PIL import Image

from tools.dev import archive
from tools.template_names import title_of
from tools.workflows.blueprints import BLUEPRINTS
from tools.workflows.build import WORKFLOWS

WITHOUT_WEBSOCKET = "import sys, runpy; sys.modules['websocket'] = None; sys.argv = sys.argv[1:]; "
WITHOUT_WEBSOCKET += "runpy.run_path(sys.argv[0], run_name='__main__')"


@pytest.fixture(scope="module")
def pack(tmp_path_factory) -> Path:
    return archive.unpack(tmp_path_factory.mktemp("shipped") / "unsampling")


@pytest.fixture
def prompt(comfy, tmp_path) -> Path:
    """The smallest template's prompt, with a small model and picture."""
    found = committed_prompt("unsample_resample_image")
    on_small_picture(comfy, found, tmp_path)
    file = tmp_path / "prompt.json"
    file.write_text(json.dumps(found))
    return file


def runs(line: list[str], folder: Path) -> None:
    """The command ends well, and leaves a picture."""
    before = set(folder.iterdir())
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    made = {path.name.partition("_")[0]: path for path in set(folder.iterdir()) - before}
    with Image.open(made["unsampling"]) as picture:  # the tool brings the report's chart too
        assert picture.size[0] > 64


@pytest.mark.parametrize("name", ["queue_prompt.py", "queue_prompt.mjs"])
def test_a_short_script_queues_the_prompt_and_fetches_the_picture(comfy, pack, prompt, tmp_path, name):
    program = sys.executable if name.endswith(".py") else shutil.which("node")
    if program is None:
        pytest.skip("NOT RUN: no node on this machine")
    script = (pack / "api" / name).read_text().replace("http://127.0.0.1:8188", comfy.client.url)
    (tmp_path / name).write_text(script)
    runs([program, name, prompt.name], tmp_path)


def test_the_queue_tool_runs_without_websocket_client(comfy, pack, prompt, tmp_path):
    tool = str(pack / "tools" / "queue_workflow.py")
    runs([sys.executable, "-c", WITHOUT_WEBSOCKET, tool, prompt.name, "--server", comfy.client.url], tmp_path)


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Iterator[HostSession]:
    """A server with the archive and nothing else."""

    def server() -> ComfyServer:
        made = ComfyServer(tmp_path_factory.mktemp("installed"), ())
        archive.unpack(made.base / "custom_nodes" / "unsampling")
        return made

    session = started(server)
    yield session
    session.close()


def test_the_archive_alone_has_every_node_help_page_and_template(installed):
    nodes = set(json.loads((archive.ROOT / "tests/data/node_interfaces.json").read_text()))
    assert {name for name in installed.object_info if name.startswith("UNS_")} == nodes
    get = installed.client.http.read  # an answer other than 200 is an error
    for name in nodes:
        assert get("GET", f"/extensions/unsampling/docs/{name}/en.md").startswith(b"# ")
    templates = json.loads(get("GET", "/workflow_templates"))
    titles = {title_of(name) for name in WORKFLOWS}
    assert set(templates["unsampling"]) == titles
    for title in titles:
        saved = json.loads(get("GET", f"/api/workflow_templates/unsampling/{quote(title)}.json"))
        assert saved["nodes"] and get("GET", f"/api/workflow_templates/unsampling/{quote(title)}.jpg")
    for language, words in json.loads(get("GET", "/i18n")).items():
        assert words["templateWorkflows"]["category"]["unsampling"], language
    offered = json.loads(get("GET", "/global_subgraphs"))
    ours = {entry["name"]: id for id, entry in offered.items() if entry["source"] == "custom_node"}
    assert set(ours) == set(BLUEPRINTS)
    for name, id in ours.items():
        blueprint = json.loads(json.loads(get("GET", f"/global_subgraphs/{id}"))["data"])
        assert blueprint["definitions"]["subgraphs"][0]["name"] == name
    log = installed.log_text()
    # 0.14's own, of a database that it does not set up
    assert "Traceback" not in log or "no such table: asset_cache_state" in log
    assert "IMPORT FAILED" not in log and not re.search(r'File ".*custom_nodes.unsampling', log)
