"""A fake ComfyUI that runs what it is given: noise is a file of sums, a film is bytes made of the prompt."""

from __future__ import annotations

import hashlib
import json
import struct
import threading
import time
import uuid
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from fake_comfy import FakeComfy

OBJECT_INFO = json.loads((Path(__file__).parents[1] / "data" / "object_info.json").read_text())
for name, inputs, output in (
    (
        "UNS_SaveNoise",
        {"noise": ["LATENT"], "filename_prefix": ["STRING", {}], "precision": ["STRING", {}]},
        [],
    ),
    ("UNS_LoadNoise", {"file": ["COMBO", {"options": []}]}, ["LATENT"]),
):
    OBJECT_INFO.setdefault(name, {"input": {"required": inputs}, "output": output, "output_node": not output})
API = Path(__file__).parents[2] / "api"


def noise_bytes(text: str, sums: str = "same") -> bytes:
    """A .safetensors file whose one tensor is made of a text."""
    data = hashlib.sha256(text.encode()).digest()
    told = {
        "__metadata__": {"format": "unsampling noise", "sums": json.dumps({"noise": sums})},
        "noise": {"dtype": "F32", "shape": [8], "data_offsets": [0, 32]},
    }
    head = json.dumps(told).encode()
    return struct.pack("<Q", len(head)) + head + data


class FakeFarm(FakeComfy):
    """One server with nodes of object_info.json. What it does wrong is set on its fields."""

    def __init__(self, object_info: dict | None = None, port: int = 0):
        self.runs: dict[str, dict] = {}  # by id: prompt, extra, state
        self.delay = 0.0
        self.held = False  # no run ends
        self.errors: list[str] = []  # exception types of the next runs
        self.answers_500 = 0  # how many requests to come are answered so
        self.sums = "same"
        self.form = ".mp4"
        self.lists_noise: list[str] = []
        self.forgets = False  # runs vanish in place of ending
        self.empty = False  # files have no bytes
        self.lost_files = 0  # how many downloads to come find no file
        self.slow_first = 0.0
        self.bad_noise = ("", "")  # a name that Load Noise does not load, and why
        super().__init__(object_info=object_info or OBJECT_INFO, port=port)

    def handler(self):
        farm, plain = self, super().handler()

        class Handler(plain):
            def do_GET(self) -> None:
                path = urlsplit(self.path).path
                if path != "/ws" and farm.answers_500:
                    farm.answers_500 -= 1
                    self.reply({}, 500)
                elif path == "/system_stats":
                    self.reply({"system": {"comfyui_version": "0.33.0"}, "devices": [{"name": "cpu"}]})
                elif path == "/object_info/UNS_LoadNoise":
                    options = {"options": farm.lists_noise}
                    self.reply({"UNS_LoadNoise": {"input": {"required": {"file": ["COMBO", options]}}}})
                elif path.startswith("/history"):
                    asked = path.removeprefix("/history").strip("/")
                    self.reply({k: v for k, v in farm.history.items() if asked in ("", k)})
                elif path == "/queue":
                    self.reply({"queue_running": farm.open_items(), "queue_pending": []})
                elif path == "/view" and farm.lost_files:
                    farm.lost_files -= 1
                    self.reply({}, 404)
                else:
                    super().do_GET()

            def view(self, key: tuple) -> None:
                assert parse_qs(urlsplit(self.path).query)["type"]
                super().view(key)

            def prompt(self, message: dict) -> None:
                farm.prompts.append(message)
                if farm.refusal is not None:
                    return self.reply(farm.refusal, 400)
                if farm.loads_bad(message["prompt"]) and farm.bad_noise[1] == "gone":
                    error = {"type": "custom_validation_failed", "extra_info": {"input_name": "file"}}
                    nodes = {"restyle-noise": {"errors": [error], "class_type": "UNS_LoadNoise"}}
                    return self.reply({"error": {}, "node_errors": nodes}, 400)
                run = uuid.uuid4().hex
                farm.runs[run] = {"prompt": message["prompt"], "extra": message.get("extra_data") or {}}
                self.reply({"prompt_id": run, "number": 0, "node_errors": {}})
                threading.Thread(target=farm.work, args=(run,), daemon=True).start()

        return Handler

    def open_items(self) -> list:
        return [[0, run, one["prompt"], one["extra"], []] for run, one in self.runs.items()]

    def tell(self, run: str, kind: str, **data: object) -> None:
        self._frame(1, json.dumps({"type": kind, "data": {"prompt_id": run} | data}).encode())

    def work(self, run: str) -> None:
        """Play a run to its end."""
        one = self.runs[run]
        for node in one["prompt"]:
            self.tell(run, "executing", node=node)
            for value in (1, 2, 3):
                self.tell(run, "progress", node=node, value=value, max=3)
        delay, self.slow_first = self.delay + self.slow_first, 0.0
        stop = time.monotonic() + delay
        while (self.held or time.monotonic() < stop) and not self._told_to_stop(run):
            time.sleep(0.01)
        self.finish_run(run, one)

    def _told_to_stop(self, run: str) -> bool:
        return any(one.get("prompt_id") == run for one in self.interrupts)

    def finish_run(self, run: str, one: dict) -> None:
        status, outs = {"status_str": "success", "completed": True, "messages": []}, {}
        if self._told_to_stop(run):
            status = {"status_str": "error", "messages": [["execution_interrupted", {"node_id": "1"}]]}
        elif self.loads_bad(one["prompt"]):
            told = {"node_id": "restyle-noise", "exception_type": "UnsamplingError"}
            status = {"status_str": "error", "messages": [["execution_error", told]]}
        elif self.errors:
            told = {"node_id": "22", "exception_type": self.errors.pop(0), "exception_message": "it broke"}
            status = {"status_str": "error", "messages": [["execution_error", told]]}
        else:
            outs = self.made(one["prompt"])
        if not self.forgets:
            prompt = [0, run, one["prompt"], one["extra"], []]
            self.history[run] = {"prompt": prompt, "outputs": outs, "status": status}
        self.runs.pop(run, None)
        self.tell(run, "executing", node=None)

    def loads_bad(self, prompt: dict) -> bool:
        """Whether the prompt loads the noise that does not load."""
        return prompt.get("restyle-noise", {}).get("inputs", {}).get("file") == self.bad_noise[0]

    def made(self, prompt: dict) -> dict:
        """What the output nodes of a prompt write."""
        outs = {}
        for node, one in prompt.items():
            kind = one["class_type"]
            if kind not in ("UNS_SaveNoise", "SaveVideo", "SaveImage", "PreviewImage"):
                continue
            form = {"UNS_SaveNoise": ".safetensors", "SaveVideo": self.form}.get(kind, ".png")
            text = json.dumps([prompt, kind], sort_keys=True)
            data = noise_bytes(text, self.sums) if kind == "UNS_SaveNoise" else f"film {text}".encode()
            place = (f"{len(self.files):05}{form}", "restyle", "temp" if kind == "PreviewImage" else "output")
            self.files[place] = b"" if self.empty else data
            item = dict(zip(("filename", "subfolder", "type"), place, strict=True))
            outs[node] = {"latents" if kind == "UNS_SaveNoise" else "images": [item]}
        return outs

    def kinds(self) -> list[str]:
        """Of each prompt that came: inversion, style or whole."""
        found = []
        for message in self.prompts:
            classes = {one["class_type"] for one in message["prompt"].values()}
            whole = "style" if "UNS_LoadNoise" in classes else "whole"
            found.append("inversion" if "UNS_SaveNoise" in classes else whole)
        return found
