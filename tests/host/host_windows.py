"""Context windows of both packs on a bench's model."""

from __future__ import annotations

from host_passes import Bench

LENGTH, OVERLAP = 8, 2  # HotshotXL's
WINDOWS = [
    "ADE_StandardStaticContextOptions",
    "ADE_StandardUniformContextOptions",
    "ADE_LoopedUniformContextOptions",
    "standard_static",
    "standard_uniform",
    "looped_uniform",
]


def defaults(comfy, node: str, kinds: tuple[str, ...] = ("required", "optional")) -> dict:
    """The values a fresh node has, for those of its inputs that are widgets."""
    known = comfy.object_info[node]["input"]
    given = {}
    for kind in kinds:
        for name, spec in known.get(kind, {}).items():
            if isinstance(spec[0], list):
                given[name] = spec[0][0]
            elif len(spec) > 1 and "default" in spec[1]:
                given[name] = spec[1]["default"]
    return given


def cut(bench: Bench, windows: str, length: int = LENGTH, overlap: int = OVERLAP, **more) -> None:
    """Puts context windows on the bench's model; more: widgets with other values than a fresh node's."""
    sizes = {"context_length": length, "context_overlap": overlap} | more
    if windows.startswith("ADE"):
        options = bench.graph.add(windows, **defaults(bench.comfy, windows) | sizes)
        bench.model = bench.graph.add(
            "ADE_UseEvolvedSampling", model=bench.model, beta_schedule="use existing", context_options=options
        )
    else:
        given = defaults(bench.comfy, "ContextWindowsManual") | {"context_schedule": windows, "dim": 0}
        bench.model = bench.graph.add("ContextWindowsManual", model=bench.model, **given | sizes)
