// The report's text on its node, where it stays: progress text goes when the run is over.
import { app } from "../../scripts/app.js";
import { ComfyWidgets } from "../../scripts/widgets.js";

const REPORT = "UNS_InversionReport";
const WIDTH = 380;
const TEXT_HEIGHT = 150;

function addText(node) {
    const { widget } = ComfyWidgets.STRING(node, "report", ["STRING", { multiline: true }], app);
    widget.options.read_only = true;
    widget.options.getMinHeight = () => TEXT_HEIGHT;
    widget.serialize = widget.options.serialize = false;
    if (widget.inputEl) widget.inputEl.readOnly = true;
    const [, height] = node.computeSize();
    node.setSize([Math.max(node.size[0], WIDTH), Math.max(node.size[1], height)]);
    return widget;
}

app.registerExtension({
    name: "unsampling.inversion_report",
    nodeCreated(node) {
        if (node.comfyClass !== REPORT) return;
        const widget = addText(node), executed = node.onExecuted;
        node.onExecuted = function (output) {
            executed?.apply(this, arguments);
            if (output?.text) widget.value = output.text.join("\n");
        };
    },
});
