// What a node said of its run: on its menu, and as a toast if something is wrong, as a report's verdict is,
// once a run. A run that had nothing to do says that.
import { app } from "../../scripts/app.js";
import { api } from "../../scripts/api.js";

const RESAMPLERS = ["UNS_NoiselessResampler", "UNS_NoiselessResamplerAdvanced", "UNS_RestyleGrid"];
const SAME = "same settings, same clip"; // of a run before this page
const PATIENCE = [0, 250, 500, 1000, 2000]; // ms: the history comes later
const said = new Map(); // by the node's place in a run: "7", or "31:7" inside a subgraph
let kept = {}; // of the last run: its nodes that were in ComfyUI's cache
let warned = []; // in it, by toasts

const toast = (message) => app.extensionManager.toast.add({ life: 15000, ...message });
const tell = ({ warn, status, text }) => toast({ severity: warn ? "warn" : "info", summary: status, detail: text });

api.addEventListener("unsampling.said", ({ detail }) => {
    said.set(String(detail.node), detail);
    if (!detail.warn) return;
    warned.push(detail.status.split(")")[0]);
    tell(detail);
});

// A report's output is sent again with each run that takes it from the cache.
const isKept = ({ node, prompt_id }) => kept.prompt_id === prompt_id && kept.nodes?.map(String).includes(String(node));

api.addEventListener("executed", ({ detail }) => {
    if (isKept(detail)) return;
    for (const found of detail.output?.unsampling_finding ?? []) {
        if (!warned.some((words) => found.summary.includes(words))) toast({ severity: "warn", ...found });
    }
});

// first, and all they hang on.
function behind(prompt, first) {
    const found = new Set(first);
    for (let before = 0; before < found.size; ) {
        before = found.size;
        for (const [id, { inputs }] of Object.entries(prompt)) {
            if (Object.values(inputs).some((one) => Array.isArray(one) && found.has(String(one[0])))) found.add(id);
        }
    }
    return found;
}

// What the server ran, whatever the graph has become.
async function promptOf(id) {
    for (const pause of PATIENCE) {
        await new Promise((done) => setTimeout(done, pause));
        const answer = await api.fetchApi(`/history/${id}`);
        const found = (await answer.json())[id]?.prompt?.[2];
        if (found) return found;
    }
    return {};
}

// The run's resamplers, if they and all behind them were in the cache.
async function same(run) {
    const prompt = await promptOf(run.prompt_id);
    const ours = Object.keys(prompt).filter((id) => RESAMPLERS.includes(prompt[id].class_type));
    const cached = new Set(run.nodes.map(String));
    return [...behind(prompt, ours)].every((id) => cached.has(id)) ? ours : [];
}

api.addEventListener("execution_cached", ({ detail }) => ([kept, warned] = [detail, []]));
api.addEventListener("execution_success", async ({ detail }) => {
    const run = kept;
    if (!run.nodes?.length || run.prompt_id !== detail.prompt_id) return;
    const found = (await same(run)).map((id) => said.get(id)?.same || SAME);
    for (const summary of new Set(found)) toast({ severity: "info", summary, life: 8000 });
});

// A node's place in a run, up to the root.
function place(node) {
    const up = (graph, id) => {
        if (graph === app.rootGraph) return id;
        for (const outer of [app.rootGraph, ...app.rootGraph.subgraphs.values()]) {
            const holder = outer.nodes.find((one) => one.subgraph === graph);
            if (holder) return up(outer, `${holder.id}:${id}`);
        }
        return id;
    };
    return up(node.graph, String(node.id));
}

function entries(node) {
    const last = said.get(place(node));
    if (!last) return [];
    return [null, { content: "What the last run said", callback: () => tell(last) }];
}

app.registerExtension({ name: "unsampling.said", getNodeMenuItems: entries });
