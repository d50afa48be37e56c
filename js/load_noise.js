// A button on Load Noise that copies a file from this computer into ComfyUI's input folder.
import { app } from "../../scripts/app.js";
import { api } from "../../scripts/api.js";

const NODE = "UNS_LoadNoise";
const FILE = "file";
const ACCEPTED = ".safetensors,.latent";

async function upload(file) {
    const body = new FormData();
    body.append("image", file);
    const answer = await api.fetchApi("/upload/image", { method: "POST", body });
    if (answer.status === 413) {
        throw new Error(`${file.name} is too large to upload: copy it into ComfyUI's input folder, or raise --max-upload-size`);
    }
    if (answer.status !== 200) throw new Error(`${file.name} could not be uploaded: ${answer.status} ${answer.statusText}`);
    const { name, subfolder } = await answer.json();
    return subfolder ? `${subfolder}/${name}` : name;
}

function choose(widget, name) {
    const names = widget.options.values;
    if (Array.isArray(names) && !names.includes(name)) names.unshift(name);
    widget.value = name;
    widget.callback?.(name);
}

function say(error) {
    app.extensionManager.toast.add({ severity: "error", summary: "Load Noise", detail: error.message, life: 10000 });
}

function open(widget) {
    const picker = document.createElement("input");
    picker.type = "file";
    picker.accept = ACCEPTED;
    picker.onchange = () => upload(picker.files[0]).then((name) => choose(widget, name)).catch(say);
    picker.click();
}

app.registerExtension({
    name: "unsampling.load_noise",
    nodeCreated(node) {
        if (node.comfyClass !== NODE) return;
        const widget = node.widgets?.find((one) => one.name === FILE);
        if (!widget) return;
        const button = node.addWidget("button", "choose file to upload", null, () => open(widget));
        button.serialize = button.options.serialize = false;
    },
});
