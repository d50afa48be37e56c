"""One HTML page that shows a run with nothing beside it: videos and pictures are inside."""

from __future__ import annotations

from base64 import b64encode
from html import escape
from pathlib import Path
from string import Template

from .gallery import Gallery
from .lost import whole
from .numbers import Numbers, error, psnr, restyle_name, round_trip_name

TEMPLATE = Path(__file__).parent / "page.html"
CLICK = 'onclick="this.paused ? this.play() : this.pause()"'
TYPES = {".mp4": "video/mp4", ".png": "image/png"}
SEEN = {
    True: "It has never seen this clip, whose true look in every style is known. Of how a style draws the"
    " shapes, 100 % is the true answer, and 0 % the source or an empty page.",
    False: "It has never seen anything else: your clip comes back exactly, but what grows in a new style"
    " is made of what the model knows.",
}
NOISE = {
    "std_over_expected": ("standard deviation over the expected", "1"),
    "mean_over_std": ("mean over standard deviation", "0"),
    "excess_kurtosis": ("excess kurtosis", "0"),
    "pixel_correlation": ("neighbouring pixels correlate by", "near 0"),
    "frame_correlation": ("neighbouring frames correlate by", "near 0"),
    "source_correlation": ("correlation with the source", "small"),
}


def page(folder: Path, measurements: Numbers, gallery: Gallery | None = None) -> str:
    """The page of a run whose files lie in the folder; gallery: other clips to show one click away."""
    exact, plain = measurements["round_trips"]
    noise = [(text, f"{measurements['noise'][name]:.3f}", ideal) for name, (text, ideal) in NOISE.items()]
    clip, settings, verdict = measurements["clip"], measurements["settings"], measurements["report"]
    texts = {
        "title": clip["title"],
        "steps": settings["steps"],
        "solver": settings["solver"],
        "structure": f"{settings['structure']:g}",
        "path": _path(settings),
        "losses": _losses(measurements["restyles"]),
        "condition": settings["source_style"] or "no style",
        "size": f"{clip['frames']} frames of {clip['width']}x{clip['height']}",
        "note": clip["note"],
        "known": SEEN[bool(measurements["untouched_source"])],
        "error": error(exact),
        "plain_solver": plain["solver"],
        "plain_error": error(plain),
        "good": "good" if verdict["good"] else "bad",
    }
    markup = {
        "round_trips": _table(
            ("there and back", "relative error", "PSNR", "calls"),
            [_row(round_trip_name(trip), trip) for trip in measurements["round_trips"]],
        ),
        "opening": _opening(folder, measurements),
        "others": "" if gallery is None else _others(gallery),
        "first": _figure(folder / "source.mp4", "source", clip["title"])
        + _figure(
            folder / "reconstruction.mp4", "reconstruction", f"relative error {error(exact)}, {psnr(exact)}"
        ),
        "styles": "\n".join(_style(folder, measurements, style) for style in settings["styles"]),
        "random": _figure(
            folder / "random_noise.mp4",
            restyle_name(measurements["random_noise"]),
            _against_truth(measurements["random_noise"]),
        ),
        "truth": _truth(measurements),
        "verdict": "".join(f"<li>{escape(line)}</li>" for line in verdict["lines"]),
        "noise": _table(("the noise, mean of the frames", "is", "is right at"), noise),
        "chart": _picture(folder / "report.png", f"chart of the Inversion Report: {verdict['lines'][0]}"),
        "sheet": _picture(folder / "contact_sheet.png", "four frames of every clip"),
    }
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        {name: escape(str(text)) for name, text in texts.items()} | markup
    )


def _opening(folder: Path, measurements: Numbers) -> str:
    """The source, and each style at the first cfg: what a reader sees first."""
    first = measurements["settings"]["cfg"][0]
    shown = [one for one in measurements["restyles"] if one["cfg"] == first]
    return _figure(folder / "source.mp4", "the source", measurements["clip"]["title"]) + "".join(
        _figure(_restyled(folder, one), f"the same noise in {one['style']}", one.get("kept", ""))
        for one in shown
    )


def _restyled(folder: Path, one: Numbers) -> Path:
    return folder / f"{one['style']}_cfg{one['cfg']:g}.mp4"


def _path(settings: Numbers) -> str:
    steps = settings["direct_steps"]
    if not steps:
        return "No step was walked by the direct path."
    return f"The direct path walked the top {steps} steps, the recorded {settings['solver']} the rest."


def _losses(restyles: list[Numbers]) -> str:
    """In plain words what the restyles lost or did not take; nothing where nobody knows."""
    told = [one for one in restyles if "kept" in one]
    lost = [f"{restyle_name(one)}: {one['kept']}" for one in told if not whole(one["kept"])]
    if not told:
        return ""
    return "Not all is there. " + escape(" ".join(lost)) if lost else "No shape is lost in any of them."


def _others(gallery: Gallery) -> str:
    """Clips that nobody chose, folded: one click shows them."""
    figures = "".join(
        _figure(one.path, f"{one.source} to {one.target}", f"error {one.error:.2f}. {one.kept}")
        for one in gallery.clips
    )
    return (
        f"<details><summary>{len(gallery.clips)} other clips, which nobody chose</summary>\n"
        f"<p>Left the source, in the middle the restyle, right the true answer. {escape(gallery.said)}</p>\n"
        f'<div class="row wider">{figures}</div></details>'
    )


def _style(folder: Path, measurements: Numbers, style: str) -> str:
    """The clips of one style, and the true answer behind them."""
    figures = [
        _figure(_restyled(folder, one), restyle_name(one), _against_truth(one))
        for one in measurements["restyles"]
        if one["style"] == style
    ]
    still = measurements["untouched_source"].get(style)
    if still is not None:
        figures.append(
            _figure(
                folder / f"true_{style}.mp4",
                f"{style}, the true answer",
                f"the untouched source is {error(still)} away",
            )
        )
    return f'<h3>{escape(style)}</h3>\n<div class="row">{"".join(figures)}</div>'


def _truth(measurements: Numbers) -> str:
    """The table of distances from the true answers; nothing where they are not known."""
    if not measurements["untouched_source"]:
        return "<p>What your clip truly looks like in these styles nobody knows: no error is given.</p>"
    rows = [_row(restyle_name(one), one) for one in [*measurements["restyles"], measurements["random_noise"]]]
    rows += [
        _row(f"{style}: source untouched", still) for style, still in measurements["untouched_source"].items()
    ]
    return _table(("against the true clip", "relative error", "PSNR", "calls"), rows)


def _against_truth(one: Numbers) -> str:
    distance = f"error {error(one)}, {psnr(one)}, " if "psnr" in one else ""
    return f"{distance}{one['calls']} model calls. {one.get('kept', '')}".strip()


def _row(name: str, figures: Numbers) -> tuple[str, ...]:
    return name, error(figures), psnr(figures), str(figures.get("calls", ""))


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows]
    body = "\n".join(f"<tr>{line}</tr>" for line in lines)
    return f"<table>\n<tr>{''.join(f'<th>{escape(cell)}</th>' for cell in head)}</tr>\n{body}\n</table>"


def _figure(path: Path, title: str, detail: str) -> str:
    caption = f"<figcaption><b>{escape(title)}</b><br>{escape(detail)}</figcaption>"
    return f"<figure>{_video(path, title)}{caption}</figure>\n"


def _video(path: Path, label: str) -> str:
    return (
        f'<video src="{_inline(path)}" aria-label="{escape(label)}" autoplay loop muted playsinline'
        f" {CLICK}></video>"
    )


def _picture(path: Path, text: str) -> str:
    return f'<img src="{_inline(path)}" alt="{escape(text)}">'


def _inline(path: Path) -> str:
    """The file as an address that holds it."""
    return f"data:{TYPES[path.suffix]};base64,{b64encode(path.read_bytes()).decode('ascii')}"
