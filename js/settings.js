// Limits in ComfyUI's settings; host/packs/user_settings.py reads them where no environment variable is set.
import { app } from "../../scripts/app.js";

const NUMBER = { type: "number", attrs: { min: 0, maxFractionDigits: 2 } };

app.registerExtension({
    name: "unsampling.settings",
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
