// Entries of the right-click menu that add what belongs beside a node of ours.
import { app } from "../../scripts/app.js";

const GAP = 60;
const RESAMPLERS = { UNS_Unsampler: "UNS_NoiselessResampler", UNS_UnsamplerAdvanced: "UNS_NoiselessResamplerAdvanced" };
const TARGET = "Target: the new look";

const slot = (node, name) => node.inputs?.findIndex((input) => input.name === name) ?? -1;
const widget = (node, name) => node.widgets?.find((one) => one.name === name);

// What an input is linked from: the node, or the inputs of the subgraph that it lies in, and which output.
function source(node, name) {
    const link = node.graph.getLink?.(node.inputs?.[slot(node, name)]?.link);
    if (!link) return;
    const border = node.graph.inputNode;
    if (border && link.origin_id === border.id) return { border: border.slots[link.origin_slot] };
    return { node: node.graph.getNodeById(link.origin_id), output: link.origin_slot };
}

function connect(from, node, name) {
    const index = slot(node, name);
    if (!from || index < 0) return;
    if (from.border) from.border.connect(node.inputs[index], node);
    else from.node.connect(from.output, node, index);
}

// The nodes that an output leads to.
function behind(node) {
    const links = node.outputs?.[0]?.links ?? [];
    return [...links].map((id) => node.graph.getNodeById(node.graph.getLink(id)?.target_id)).filter(Boolean);
}

// How far below a node its graph ends: nothing is covered there.
function below(node) {
    const ends = [...node.graph.nodes, ...(node.graph.groups ?? [])].map((one) => one.pos[1] + one.size[1]);
    return Math.max(...ends) - node.pos[1] + 2 * GAP;
}

const output = (node) => ({ node, output: 0 });

function add(beside, type, [x, y], values = {}, links = {}, title) {
    const node = LiteGraph.createNode(type);
    node.pos = [beside.pos[0] + x, beside.pos[1] + y];
    beside.graph.add(node);
    for (const [name, value] of Object.entries(values)) {
        const found = widget(node, name);
        if (found) found.value = value;
    }
    for (const [name, from] of Object.entries(links)) connect(from, node, name);
    if (title) node.title = title;
    app.canvas.centerOnNode(node);
    return node;
}

// A prompt of its own where the source's is a text: the same words, to be changed into the new look's.
function target(node, from) {
    if (from?.node?.comfyClass !== "CLIPTextEncode") return from;
    const text = widget(from.node, "text")?.value ?? "";
    return output(add(node, "CLIPTextEncode", [0, -220], { text }, { clip: source(from.node, "clip") }, TARGET));
}

function addResampler(node) {
    const x = node.size[0] + GAP;
    const advanced = node.comfyClass === "UNS_UnsamplerAdvanced";
    const links = advanced
        ? { guider: source(node, "guider"), sampler: source(node, "sampler") }
        : { model: source(node, "model"), negative: source(node, "negative") };
    // its prompt lies above it
    const y = behind(node).length ? below(node) + 220 : 0;
    const made = add(node, RESAMPLERS[node.comfyClass], [x, y], {}, { ...links, noise: output(node) });
    if (advanced) return;
    const solver = widget(node, "solver")?.value;
    const offered = widget(made, "solver");
    if (offered?.options?.values?.includes?.(solver) && solver !== "midpoint") offered.value = solver;
    connect(target(made, source(node, "positive")), made, "positive");
}

// Core's own way: up with the schedule turned round, and down again with the resampler's prompt and cfg.
function addCore(node) {
    const resampler = behind(node).find((one) => one.comfyClass === RESAMPLERS.UNS_Unsampler);
    const y = below(node);
    const from = (name, where = node) => source(where, name);
    const sampler = output(add(node, "KSamplerSelect", [-320, y], { sampler_name: "euler" }));
    const turned = output(add(node, "FlipSigmas", [-320, y + 120], {}, { sigmas: from("sigmas") }));
    const shared = { model: from("model"), negative: from("negative"), sampler };
    const values = { add_noise: false, noise_seed: 0 };
    const up = add(
        node, "SamplerCustom", [0, y], { ...values, cfg: widget(node, "cfg")?.value ?? 1 },
        { ...shared, positive: from("positive"), sigmas: turned, latent_image: from("latent_image") },
        "Core's way up (FlipSigmas)",
    );
    const down = add(
        node, "SamplerCustom", [node.size[0] + GAP, y], { ...values, cfg: widget(resampler ?? node, "cfg")?.value ?? 1 },
        { ...shared, positive: from("positive", resampler ?? node), sigmas: from("sigmas"), latent_image: output(up) },
        "Core's way down",
    );
    const vae = from("vae", from("latent_image")?.node ?? node);
    if (!vae) return;
    const x = 2 * (node.size[0] + GAP);
    const decoded = add(node, "VAEDecode", [x, y], {}, { samples: output(down), vae });
    add(node, "PreviewImage", [x, y + 120], {}, { images: output(decoded) }, "Core's result");
}

// The frames that were encoded, and those that are decoded.
function frames(resampler) {
    const unsampler = source(resampler, "noise")?.node;
    const latent = unsampler && source(unsampler, "latent_image")?.node;
    const before = latent && (source(latent, "pixels") ?? source(latent, "image"));
    const decoded = behind(resampler).find((one) => slot(one, "samples") >= 0 && slot(one, "vae") >= 0);
    if (before && decoded) return { image_a: before, image_b: output(decoded) };
}

function addSlider(resampler, found) {
    const x = found.image_b.node.pos[0] - resampler.pos[0];
    add(resampler, "ImageCompare", [x, below(resampler)], {}, found, "Before and after");
}

// One step of undo for all that an entry adds.
function entry(content, node, work) {
    const callback = () => {
        node.graph.beforeChange?.();
        try {
            work();
        } finally {
            node.graph.afterChange?.();
        }
    };
    return { content, callback };
}

const known = (...types) => types.every((type) => type in LiteGraph.registered_node_types);

function entries(node) {
    const found = [];
    if (node.comfyClass in RESAMPLERS) found.push(entry("Add matching resampler", node, () => addResampler(node)));
    if (node.comfyClass === "UNS_Unsampler" && known("FlipSigmas", "SamplerCustom", "KSamplerSelect")) {
        found.push(entry("Compare with FlipSigmas", node, () => addCore(node)));
    }
    // core's slider is drawn in Nodes 2.0 only
    const slider = LiteGraph.vueNodesMode && known("ImageCompare");
    const both = slider && Object.values(RESAMPLERS).includes(node.comfyClass) && frames(node);
    if (both) found.push(entry("Compare with the source", node, () => addSlider(node, both)));
    return found.length ? [null, ...found] : [];
}

app.registerExtension({ name: "unsampling.menu", getNodeMenuItems: entries });
