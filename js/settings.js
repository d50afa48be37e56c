// Limits in ComfyUI's settings; host/packs/user_settings.py reads them where no environment variable is set. And the
// badge on the About page.
import { app } from "../../scripts/app.js";

const HELP = new URL("./docs/UNS_Unsampler/en.md", import.meta.url).href;
const NUMBER = { type: "number", attrs: { min: 0, maxFractionDigits: 2 } };

app.registerExtension({
    name: "unsampling.settings",
    aboutPageBadges: [{ label: "Unsampling", url: HELP, icon: "pi pi-video" }],
    settings: [
        {
            ...NUMBER,
            id: "Unsampling.RecordGiB",
            category: ["Unsampling", "Memory and disk", "Record"],
            name: "Record: GiB of main memory at most",
            tooltip: "A longer clip's record goes to ComfyUI's temp folder. UNSAMPLING_RECORD_GIB goes before this.",
            defaultValue: 2,
        },
        {
            ...NUMBER,
            id: "Unsampling.CacheGiB",
            category: ["Unsampling", "Memory and disk", "Cache"],
            name: "Noise kept on disk: GiB at most",
            tooltip: "What was used longest ago is removed first. UNSAMPLING_CACHE_GIB goes before this.",
            defaultValue: 20,
        },
    ],
});
