"""The command line of tools/queue_workflow.py, from the arguments to the exit code."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from tools.client import Client, ClientError, RefusedError
from tools.client.graph_to_prompt import graph_to_prompt, is_api, is_graph
from tools.client.progress_bar import ProgressBar
from tools.client.prompt_edit import media_input, set_text
from tools.client.prompt_nodes import apply_set, label, title
from tools.client.refusals import explained, node_lines
from tools.client.sockets import EVENTS


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser(
        prog="queue_workflow.py",
        description="Queue a workflow on a running ComfyUI, follow it, and fetch what it made.",
    )
    add = result.add_argument
    add("workflow", type=Path, help="a saved workflow or an API export, .json")
    add("--server", default="http://127.0.0.1:8188", metavar="URL", help="default: %(default)s")
    add(
        "--video",
        action="append",
        default=[],
        metavar="[NODE=]FILE",
        help="upload a clip for the Load Video node",
    )
    add(
        "--image",
        action="append",
        default=[],
        metavar="[NODE=]FILE",
        help="upload a picture for the Load Image node",
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
    workflow = read_workflow(options.workflow)
    prompt = prepare(client, options, workflow)
    if options.dry_run:
        print(json.dumps(prompt, indent=2))
        return 0
    edited = any((options.video, options.image, options.set, options.prompt, options.negative))
    prompt_id = queue(client, prompt, workflow, embed=is_graph(workflow) and not edited)
    try:
        entry = follow(client, prompt, prompt_id)
    except KeyboardInterrupt:
        client.interrupt(prompt_id)
        print("Interrupted: the run on the server was told to stop.", file=sys.stderr)
        return 130
    return download(client, entry, options)


def read_workflow(path: Path) -> dict:
    """The workflow in the file, either format."""
    try:
        workflow = json.loads(path.read_bytes())
    except OSError as error:
        raise ClientError(f"The workflow {path} cannot be read ({error.strerror}): check the name.") from None
    except ValueError as error:
        raise ClientError(f"{path} is not JSON ({error}): save the workflow again.") from None
    if not isinstance(workflow, dict) or not (is_api(workflow) or is_graph(workflow)):
        raise ClientError(
            f"{path} holds neither a saved workflow nor an API export: save it again from ComfyUI."
        )
    return workflow


def prepare(client: Client, options: argparse.Namespace, workflow: dict) -> dict:
    """The API prompt with everything the command line asks for; nothing is uploaded before all of it fits."""
    object_info = client.object_info()
    prompt = json.loads(json.dumps(workflow)) if is_api(workflow) else graph_to_prompt(workflow, object_info)
    files = [
        (media_input(prompt, object_info, kind, node), path)
        for kind in ("video", "image")
        for node, path in map(named_file, getattr(options, kind))
    ]
    for role, text in (("positive", options.prompt), ("negative", options.negative)):
        if text is not None:
            set_text(prompt, object_info, role, text)
    for text in options.set:
        apply_set(prompt, object_info, text)
    for (node, name), path in files:
        prompt[node]["inputs"][name] = path.name if options.dry_run else client.upload(path)
    return prompt


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


def queue(client: Client, prompt: dict, workflow: dict, embed: bool) -> str:
    """Queue the prompt; warns about outputs left out. `embed`: save the workflow in the files too."""
    try:
        prompt_id = client.queue(prompt, {"extra_pnginfo": {"workflow": workflow}} if embed else None)
    except RefusedError as refused:
        raise ClientError(explained(refused, prompt, workflow)) from None
    for line in node_lines(client.node_errors, prompt, workflow):
        print(f"warning: an output is left out. {line}", file=sys.stderr)
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
