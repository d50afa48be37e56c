// A widget that came later means in an earlier workflow what its input declares as `before`, not its default.
import { app } from "../../scripts/app.js";

const OURS = "UNS_";
const declared = {};

function valuesBefore(input) {
    const inputs = Object.entries({ ...input?.required, ...input?.optional });
    return inputs.filter(([, spec]) => spec[1] && "before" in spec[1]).map(([name, spec]) => [name, spec[1].before]);
}

// Values are saved by place, and in newer frontends by name as well.
function isSaved(node, widget, saved) {
    const places = node.widgets.filter((one) => one.serialize !== false);
    const values = saved.widgets_values ?? [], named = saved.widgets_values_named ?? {};
    return places.indexOf(widget) in values || widget.name in values || widget.name in named;
}

function fill(node, saved) {
    for (const [name, value] of declared[node.comfyClass] ?? []) {
        const widget = node.widgets?.find((one) => one.name === name);
        if (widget && !isSaved(node, widget, saved)) widget.value = value;
    }
}

function filled(prompt) {
    const nodes = Object.entries(prompt).map(([id, node]) => {
        const before = Object.fromEntries(declared[node.class_type] ?? []);
        return [id, { ...node, inputs: { ...before, ...node.inputs } }];
    });
    return Object.fromEntries(nodes);
}

app.registerExtension({
    name: "unsampling.earlier_workflows",
    // Files, undo, another tab, a paste and nodes in subgraphs all pass here; a fresh node does not.
    beforeRegisterNodeDef(nodeType, { name, input }) {
        if (!name.startsWith(OURS)) return;
        declared[name] = valuesBefore(input);
        const configured = nodeType.prototype.onConfigure;
        nodeType.prototype.onConfigure = function (saved) {
            configured?.apply(this, arguments);
            fill(this, saved);
        };
    },
    // An API prompt becomes fresh nodes, so it is completed before it is read.
    setup() {
        const load = app.loadApiJson;
        app.loadApiJson = function (prompt, ...rest) {
            return load.call(this, filled(prompt), ...rest);
        };
    },
});
