// A report's text on its node, where it stays: progress text goes when the run is over.
import { app } from "../../scripts/app.js";
import { ComfyWidgets } from "../../scripts/widgets.js";

const REPORTS = ["UNS_InversionReport", "UNS_RestyleReport"];
const NAME = "report";
const WIDTH = 380;
const TEXT_HEIGHT = 150;

function addText(node) {
    const { widget } = ComfyWidgets.STRING(node, NAME, ["STRING", { multiline: true }], app);
    widget.options.read_only = true;
    widget.options.getMinHeight = () => TEXT_HEIGHT;
    widget.serialize = widget.options.serialize = false;
    if (widget.element) widget.element.readOnly = true;
    const [, height] = node.computeSize();
    node.setSize([Math.max(node.size[0], WIDTH), Math.max(node.size[1], height)]);
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

app.registerExtension({
    name: "unsampling.inversion_report",
    nodeCreated(node) {
        if (!REPORTS.includes(node.comfyClass)) return;
        addText(node);
        const executed = node.onExecuted;
        node.onExecuted = function (output) {
            executed?.apply(this, arguments);
            show(this, output);
        };
    },
    // Another tab, undo or a run from the history makes the nodes anew and brings the outputs back.
    onNodeOutputsUpdated(outputs) {
        for (const [locator, output] of Object.entries(outputs)) {
            const node = nodeAt(locator);
            if (REPORTS.includes(node?.comfyClass)) show(node, output);
        }
    },
});
