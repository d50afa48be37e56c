"""The command line of tools/queue_workflow.py, from the arguments to the exit code."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from tools.client import Client, ClientError, RefusedError, workflow_files
from tools.client.edited_graph import edited
from tools.client.graph_to_prompt import graph_to_prompt
from tools.client.progress_bar import ProgressBar
from tools.client.prompt_edit import Target, load_uploaded, media_input, set_text
from tools.client.prompt_nodes import EditError, apply_set, label, title
from tools.client.refusals import explained, node_lines
from tools.client.sockets import EVENTS
from tools.client.workflow_files import Found


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser(
        prog="queue_workflow.py",
        description="Queue a workflow on a running ComfyUI, follow it, and fetch what it made.",
    )
    add = result.add_argument
    add("workflow", type=Path, help="a saved workflow, an API export, or a result with one inside")
    add("--server", default="http://127.0.0.1:8188", metavar="URL", help="default: %(default)s")
    add(
        "--video",
        action="append",
        default=[],
        metavar="[NODE=]FILE",
        help="upload a clip for the Load Video node; for the unsampled one where there are several",
    )
    add(
        "--image",
        action="append",
        default=[],
        metavar="[NODE=]FILE",
        help="upload a picture for the Load Image node; likewise",
    )
    add(
        "--prompt", metavar="TEXT", help="what the result shows: the text behind the sampler's positive input"
    )
    add("--negative", metavar="TEXT", help="the same for its negative input")
    add(
        "--set",
        action="append",
        default=[],
        metavar="NODE.INPUT=VALUE",
        help="NODE is an id, a title or a class type; VALUE is JSON or text; may be given more than once",
    )
    add("--output", type=Path, default=Path("."), metavar="DIR", help="where the files go, default: here")
    add(
        "--overwrite",
        action="store_true",
        help="replace files of the same name instead of numbering new ones",
    )
    add(
        "--reconnect",
        type=float,
        default=30.0,
        metavar="SECONDS",
        help="how long to wait for a lost server, default: %(default)g",
    )
    add(
        "--dry-run",
        action="store_true",
        help="print the API prompt instead of queueing it (files are not uploaded)",
    )
    return result


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 when all went well, 1 after an error, 130 after Ctrl-C."""
    options = parser().parse_args(arguments)
    try:
        with Client(options.server, reconnect_s=options.reconnect) as client:
            return run(client, options)
    except (ClientError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped before the end.", file=sys.stderr)
        return 130


def run(client: Client, options: argparse.Namespace) -> int:
    """Prepare the prompt, queue it, follow it and download what it made."""
    found = workflow_files.read(options.workflow)
    prompt, graph = prepare(client, options, found)
    if options.dry_run:
        print(json.dumps(prompt, indent=2))
        return 0
    prompt_id = queue(client, prompt, found, graph)
    try:
        entry = follow(client, prompt, prompt_id)
    except KeyboardInterrupt:
        client.interrupt(prompt_id)
        print("Interrupted: the run on the server was told to stop.", file=sys.stderr)
        return 130
    return download(client, entry, options)


def prepare(client: Client, options: argparse.Namespace, found: Found) -> tuple[dict, dict | None]:
    """The API prompt with everything the command line asks for, and the workflow to save with the results.

    Nothing is uploaded before all of it fits.
    """
    object_info = client.object_info()
    before = found.prompt or graph_to_prompt(found.graph or {}, object_info, warned)
    prompt = json.loads(json.dumps(before))
    files = [
        (media_input(prompt, object_info, kind, node), path)
        for kind in ("video", "image")
        for node, path in map(named_file, getattr(options, kind))
    ]
    check_once(prompt, [target for target, _ in files])
    for role, text in (("positive", options.prompt), ("negative", options.negative)):
        if text is not None:
            set_text(prompt, object_info, role, text)
    for text in options.set:
        apply_set(prompt, object_info, text)
    for target, path in files:
        name = path.name if options.dry_run else client.upload(path)
        load_uploaded(prompt, object_info, target, name)
    return prompt, found.graph and carried(found.graph, object_info, before, prompt)


def check_once(prompt: dict, targets: list[Target]) -> None:
    """Raises: EditError for two files for one loader, of which only one would be loaded."""
    twice = next((node for node, key in targets if targets.count((node, key)) > 1), None)
    if twice is not None:
        raise EditError(
            f"{label(prompt, twice)} is given two files: name the node of each, as"
            ' --video "ID=FILE" or --image "ID=FILE".'
        )


def warned(line: str) -> None:
    """Say something that does not stop the run."""
    print(f"warning: {line}", file=sys.stderr)


def carried(graph: dict, object_info: dict, before: dict, after: dict) -> dict | None:
    """The workflow with the edits of its prompt; None, and a warning, where they have no place in it."""
    result = edited(graph, object_info, before, after)
    if result is None:
        warned("the results carry their prompt but no workflow: a value was set inside a subgraph.")
    return result


def named_file(text: str) -> tuple[str | None, Path]:
    """The node and file of [NODE=]FILE."""
    path, (node, equals, rest) = Path(text), text.partition("=")
    if not path.is_file() and equals:
        path = Path(rest)
    else:
        node = ""
    if not path.is_file():
        raise ClientError(f"There is no file {path}: check the name.")
    return node or None, path


def queue(client: Client, prompt: dict, found: Found, graph: dict | None) -> str:
    """Queue the prompt; warns about outputs left out. graph: the workflow to save in the files too."""
    try:
        prompt_id = client.queue(prompt, {"extra_pnginfo": {"workflow": graph}} if graph else None)
    except RefusedError as refused:
        raise ClientError(explained(refused, prompt, found.said)) from None
    for line in node_lines(client.node_errors, prompt, found.said):
        warned(f"an output is left out. {line}")
    return prompt_id


def follow(client: Client, prompt: dict, prompt_id: str) -> dict:
    """Wait for the end behind a progress bar; errors name the node by its title."""
    if not EVENTS:
        print(
            "No progress is shown: pip install websocket-client. The result comes all the same.",
            file=sys.stderr,
        )
    bar = ProgressBar(sys.stderr, {node: title(prompt, node) for node in prompt})
    try:
        return client.wait(prompt_id, bar, names={node: label(prompt, node) for node in prompt})
    finally:
        bar.close()


def download(client: Client, entry: dict, options: argparse.Namespace) -> int:
    """Fetch every output and print where it went."""
    items = client.outputs(entry)
    if not items:
        raise ClientError("The run ended well but saved nothing: add a Save Image or Save Video node.")
    for item in items:
        print(client.download(item, options.output, options.overwrite), flush=True)
    return 0
