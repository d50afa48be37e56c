// ComfyUI fits a template into the window, where a large one cannot be read.
// Ours opens with the view in its file.
import { app } from "../../scripts/app.js";

const SHARE = 0.75; // of the window that ComfyUI fits a graph into

function isSmall({ groups, extra }) {
    if (!groups?.length || !extra.ds) return false;
    const end = (axis) => Math.max(...groups.map(({ bounding }) => bounding[axis] + bounding[axis + 2]));
    return SHARE * Math.min(innerWidth / end(0), innerHeight / end(1)) < extra.ds.scale;
}

app.registerExtension({
    name: "unsampling.template_view",
    setup() {
        const load = app.loadGraphData;
        app.loadGraphData = function (graph, clean, view, workflow, options) {
            const own = options?.openSource === "template" && graph?.extra?.unsampling && isSmall(graph);
            return load.call(this, graph, clean, view, workflow, own ? { ...options, openSource: undefined } : options);
        };
    },
});
