// A report's text on its node. Of a new report's outputs the chart and the text are there; the menu brings
// the figures, and a saved one keeps those that it was saved with.
import { app } from "../../scripts/app.js";
import { ComfyWidgets } from "../../scripts/widgets.js";

const REPORTS = ["UNS_InversionReport", "UNS_RestyleReport"];
const NAME = "report";
const WIDTH = 420;
const TEXT_HEIGHT = 150;
const OUTPUTS = 2;

function addText(node) {
    const { widget } = ComfyWidgets.STRING(node, NAME, ["STRING", { multiline: true }], app);
    widget.options.read_only = true;
    widget.options.getMinHeight = () => TEXT_HEIGHT;
    widget.serialize = widget.options.serialize = false;
    if (widget.element) widget.element.readOnly = true;
    const [, height] = node.computeSize();
    node.setSize([Math.max(node.size[0], WIDTH), Math.max(node.size[1], height)]);
}

let whole = false; // while an API prompt is read, whose links may lead from any output

function fold(node) {
    if (whole || node.outputs.length <= OUTPUTS) return;
    node.folded = node.outputs.slice(OUTPUTS).map(({ name, type, localized_name }) => [name, type, { localized_name }]);
    while (node.outputs.length > OUTPUTS) node.removeOutput(node.outputs.length - 1);
}

function unfold(node) {
    const missing = (node.folded ?? []).slice(Math.max(0, node.outputs.length - OUTPUTS));
    for (const output of missing) node.addOutput(...output);
}

function show(node, output) {
    const widget = node.widgets?.find((one) => one.name === NAME);
    if (widget && output?.text) widget.value = output.text.join("\n");
}

// Outputs are kept under "id", or "graph:id" inside a subgraph.
function nodeAt(locator) {
    const [id, graph] = locator.split(":").reverse();
    return (graph ? app.rootGraph.subgraphs.get(graph) : app.rootGraph)?.getNodeById(id);
}

// Another tab, undo or a run from the history makes the nodes anew.
function bring(outputs) {
    for (const [locator, output] of Object.entries(outputs)) {
        const node = nodeAt(locator);
        if (REPORTS.includes(node?.comfyClass)) show(node, output);
    }
}

app.registerExtension({
    name: "unsampling.inversion_report",
    nodeCreated(node) {
        if (!REPORTS.includes(node.comfyClass)) return;
        fold(node);
        addText(node);
        const executed = node.onExecuted;
        node.onExecuted = function (output) {
            executed?.apply(this, arguments);
            show(this, output);
        };
    },
    getNodeMenuItems(node) {
        const all = node.constructor.nodeData?.output?.length ?? 0;
        if (!REPORTS.includes(node.comfyClass) || node.outputs.length >= all) return [];
        return [null, { content: "Show the figures as outputs", callback: () => unfold(node) }];
    },
    setup() {
        const load = app.loadApiJson;
        app.loadApiJson = async function () {
            whole = true;
            try {
                return await load.apply(this, arguments);
            } finally {
                whole = false;
            }
        };
    },
    onNodeOutputsUpdated: bring,
    afterConfigureGraph: () => bring(app.nodeOutputs), // for undo in frontend 1.38
});
