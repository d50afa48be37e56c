// A bad verdict of a report as a toast, wherever the user looks; and our badge on ComfyUI's About page.
import { app } from "../../scripts/app.js";
import { api } from "../../scripts/api.js";

const HELP = new URL("./docs/UNS_Unsampler/en.md", import.meta.url).href;

api.addEventListener("executed", ({ detail }) => {
    for (const told of detail?.output?.unsampling_finding ?? []) {
        app.extensionManager.toast.add({ severity: "warn", ...told, life: 15000 });
    }
});

app.registerExtension({
    name: "unsampling.about",
    aboutPageBadges: [{ label: "Unsampling", url: HELP, icon: "pi pi-video" }],
});
