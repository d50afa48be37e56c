// Queue an API prompt and fetch what it makes: node queue_prompt.mjs unsample_resample_image.json
import { readFile, writeFile } from "node:fs/promises";
import { basename } from "node:path";

const SERVER = "http://127.0.0.1:8188";
const json = async (path, options) => (await fetch(SERVER + path, options)).json();
const prompt = JSON.parse(await readFile(process.argv[2], "utf8"));
// Here is the place for changes: prompt["6"].inputs.text = "ink drawing of a landscape";
const body = JSON.stringify({ prompt, client_id: "queue_prompt" }); // to a client it tells what it made before
const queued = await json("/prompt", { method: "POST", body });
if (!queued.prompt_id) throw new Error(JSON.stringify(queued));
const ended = async () => (await json(`/history/${queued.prompt_id}`))[queued.prompt_id];
while (!(await ended())) await new Promise((done) => setTimeout(done, 1000));
const { outputs, status } = await ended();
if (status.status_str !== "success") throw new Error(JSON.stringify(status.messages.at(-1)));
const results = Object.values(outputs).flatMap((output) => Object.values(output).flat());
const kept = results.filter((made) => made?.type === "output");
if (!kept.length) throw new Error("The run made no file: the prompt has no node that saves one.");
for (const made of kept) {
    const file = await fetch(`${SERVER}/view?${new URLSearchParams(made)}`);
    await writeFile(basename(made.filename), Buffer.from(await file.arrayBuffer()));
}
