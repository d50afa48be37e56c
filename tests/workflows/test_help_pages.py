"""Every node has a help page that the frontend can find, and no page is left of a node that is gone."""

import json
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
NODES = json.loads((REPOSITORY / "tests/data/node_interfaces.json").read_text())


def test_each_node_has_its_page():
    pages = {page.parent.name for page in (REPOSITORY / "js/docs").glob("*/en.md")}
    assert pages == set(NODES)


def test_pages_begin_with_the_nodes_name_and_know_its_inputs():
    for node_id, node in NODES.items():
        text = (REPOSITORY / f"js/docs/{node_id}/en.md").read_text()
        assert text.startswith(f"# {node['display_name']}\n")
    page = (REPOSITORY / "js/docs/UNS_Unsampler/en.md").read_text()
    for name in ("sigmas", "cfg", "solver", "end", "record", "positive", "latent_image", "model"):
        assert f"**{name}**" in page
