"""Queue an API prompt and fetch what it makes: python queue_prompt.py unsample_resample_image.json"""

import json
import sys
import time
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

SERVER = "http://127.0.0.1:8188"
prompt = json.loads(Path(sys.argv[1]).read_bytes())
# Here is the place for changes: prompt["6"]["inputs"]["text"] = "ink drawing of a landscape"
body = {"prompt": prompt, "client_id": "queue_prompt"}  # to a client it tells what it made before
try:
    run = json.load(urlopen(f"{SERVER}/prompt", json.dumps(body).encode()))["prompt_id"]
except HTTPError as refused:
    sys.exit(f"ComfyUI refused the prompt: {refused.read().decode()}")
while not (entry := json.load(urlopen(f"{SERVER}/history/{run}")).get(run)):
    time.sleep(1)
if entry["status"]["status_str"] != "success":
    sys.exit(f"The run failed: {entry['status']['messages'][-1]}")
results = [one for output in entry["outputs"].values() for key in output for one in output[key]]
kept = [made for made in results if isinstance(made, dict) and made.get("type") == "output"]
for made in kept:
    answer = urlopen(f"{SERVER}/view?{urlencode(made)}")
    Path(Path(made["filename"]).name).write_bytes(answer.read())
if not kept:
    sys.exit("The run made no file: the prompt has no node that saves one.")
