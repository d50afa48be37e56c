"""How alike two clips are place by place whatever their looks, and how their looks differ whatever the place.

Clips are (frames, 3, height, width) from 0 to 1, and small.
"""

import torch
from torch import Tensor
from torch.nn import functional

from . import scenes

WIDE, WIDER = 1.5, 2.0  # pixels: the blur under which shapes are compared, and what moves
STRIDE = 3  # places compared stand so far apart
RIDGE = 1e-3  # of the regression, over variances of 1
BETTER = 0.85  # weight of the better of two ways to tell one clip from the other
STILL = 0.1  # of all that there is to see in the source: a smaller share that moves is none
LONG = 8  # frames of a scene: in fewer too little moves, and right answers keep as little as 0.4 of it
EMPTY = 0.005  # standard deviation under the blur; a camera's grain leaves up to 0.003 of a black frame
FAINT = 0.1  # of the clip's contrast: fainter frames than that stay faint
FLAT = 1e-4  # standard deviation below which there is nothing to see
LUMA = (0.299, 0.587, 0.114)
RINGS, SECTORS = 8, 3  # of the spectrum
COLOURS = 5  # bins each way
WEIGHTS = (1, 2, 1, 2)  # of lightness, edges, colours and wavelengths


def shows(clip: Tensor) -> Tensor:
    """Which frames have something to see, (frames,): not those that are black, white or of one colour."""
    places = blurred(clip, WIDE).flatten(2)
    return places.var(2, correction=0).mean(1).sqrt() > EMPTY


def look_changed(source: Tensor, result: Tensor) -> float:
    """How far the looks went, from 0 (the same shares of everything) to 1 (no value in common)."""
    parts = zip(_looks(source), _looks(result), WEIGHTS, strict=True)
    far = sum(weight * float((a - b).square().sum()) / 2 for a, b, weight in parts)
    return (far / sum(WEIGHTS)) ** 0.5


def structure_kept(source: Tensor, result: Tensor, seen: Tensor) -> Tensor:
    """How much of what is where can be told from the other clip's same place, (frames,) from 0 to 1; nan for
    a frame in which the source shows nothing. seen (frames,): as shows() has it of the source."""
    kept = _untold(source)
    if seen.any():  # the other frames tell nothing of how the looks go together
        kept[seen] = _shared(*(_features(clip[seen], WIDE) for clip in (source, result)))
    return kept


def motion_kept(source: Tensor, result: Tensor, seen: Tensor, scene: Tensor) -> Tensor:
    """The same of what is not always there, (frames,): each place less its mean over the scene. scene
    (frames,): the number of each frame's. nan as well for a scene of the source that stands still, and for
    one of few frames, unless the clip itself has no more."""
    kept = _untold(source)
    if seen.any():
        ours, theirs = (
            scenes.centred(_features(clip[seen], WIDER), scene[seen]) for clip in (source, result)
        )
        moves = _moves(ours, scene[seen])
        if moves.any():
            kept[seen.nonzero()[moves, 0]] = _shared(ours[moves], theirs[moves])
    return kept


def blurred(clip: Tensor, width: float) -> Tensor:
    """A Gaussian blur, the border repeated."""
    reach = int(3 * width + 0.5)
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / width).square())
    kernel = (kernel / kernel.sum()).expand(clip.shape[1], 1, 1, -1)
    rows = functional.pad(clip, [reach, reach, 0, 0], mode="replicate")
    rows = functional.conv2d(rows, kernel, groups=clip.shape[1])
    columns = functional.pad(rows, [0, 0, reach, reach], mode="replicate")
    return functional.conv2d(columns, kernel.transpose(2, 3), groups=clip.shape[1])


def around(clip: Tensor, width: float, stride: int = STRIDE) -> Tensor:
    """Colours and the size of their gradient under a blur, (frames, places, 4)."""
    low = blurred(clip, width)
    both = torch.cat([low, _slopes(low)], 1)[:, :, stride // 2 :: stride, stride // 2 :: stride]
    return both.flatten(2).transpose(1, 2).double()


def terms(values: Tensor) -> Tensor:
    """1, each value, and each product of two, (places of all frames, terms)."""
    flat = values.flatten(0, 1)
    products = [flat[:, i : i + 1] * flat[:, i:] for i in range(flat.shape[1])]
    return torch.cat([torch.ones_like(flat[:, :1]), flat, *products], 1)


def _untold(clip: Tensor) -> Tensor:
    return torch.full((len(clip),), torch.nan, dtype=torch.double)


def _moves(values: Tensor, scene: Tensor) -> Tensor:
    """Which frames are of a scene where something moves, (frames,), by what is not always there."""
    energy, least = values.square().mean((1, 2)), min(LONG, len(values))
    moves = torch.zeros(len(values), dtype=torch.bool)
    for number in scene.unique():
        of = scene == number
        moves[of] = bool(energy[of].mean().sqrt() >= STILL) and int(of.sum()) >= least
    return moves


def _features(clip: Tensor, width: float) -> Tensor:
    """What around() gives, without each frame's mean and with a deviation of 1, over the clip and in each
    frame: a clip that fades keeps its shapes."""
    values = around(clip, width)
    values = values - values.mean(1, keepdim=True)
    spread = values.square().mean((0, 1)).sqrt()
    values = torch.where(spread > FLAT, values / spread.clamp(min=FLAT), torch.zeros_like(values))
    return values / values.square().mean((1, 2), keepdim=True).sqrt().clamp(min=FAINT)


def _shared(ours: Tensor, theirs: Tensor) -> Tensor:
    """What each tells of the other. Mostly by the better way round, as looks leave out different things; the
    other one sees shapes that only one clip has."""
    both = torch.stack([_explained(ours, theirs), _explained(theirs, ours)])
    return BETTER * both.amax(0) + (1 - BETTER) * both.amin(0)


def _slopes(clip: Tensor) -> Tensor:
    """The size of the gradient over all colours, (frames, 1, height, width)."""
    wide = functional.pad(clip, [1] * 4, mode="replicate")
    down = wide[:, :, 2:, 1:-1] - wide[:, :, :-2, 1:-1]
    right = wide[:, :, 1:-1, 2:] - wide[:, :, 1:-1, :-2]
    return (down.square() + right.square()).sum(1, keepdim=True).sqrt() / 2


def _explained(known: Tensor, wanted: Tensor) -> Tensor:
    """The share of the variance of what is wanted that a polynomial of what is known gives, (frames,): the
    correlation ratio of Roche et al. 1998, which knows no bright and dark."""
    told, aims = terms(known), wanted.flatten(0, 1)
    gram = told.T @ told / len(told) + RIDGE * torch.eye(told.shape[1], dtype=told.dtype)
    factors = torch.linalg.solve(gram, told.T @ aims / len(told))
    missed = (aims - told @ factors).reshape(wanted.shape).square().sum((1, 2))
    there = wanted.square().sum((1, 2))
    some = there > FLAT * wanted[0].numel()  # frames of nothing tell nothing
    return torch.where(some, 1 - missed / there, torch.zeros_like(there)).clamp(min=0)


def _looks(clip: Tensor) -> list[Tensor]:
    """Roots of the shares (Hellinger 1909) of each lightness, edge, colour and wavelength."""
    luma = torch.einsum("fchw,c->fhw", clip, torch.tensor(LUMA))
    edges = torch.hypot(luma[:, 1:, :-1] - luma[:, :-1, :-1], luma[:, :-1, 1:] - luma[:, :-1, :-1])
    counted = ((luma, 16), (edges.sqrt().clamp(max=1), 12))
    shares = [(torch.histc(x, bins, 0, 1) / x.numel()).sqrt() for x, bins in counted]
    return [*shares, _colours(clip), _wavelengths(luma)]


def _colours(clip: Tensor) -> Tensor:
    """Roots of the shares of each colour, in COLOURS bins of red, green and blue."""
    red, green, blue = (clip * COLOURS).long().clamp(max=COLOURS - 1).unbind(1)
    counts = torch.bincount(((red * COLOURS + green) * COLOURS + blue).flatten(), minlength=COLOURS**3)
    return (counts / counts.sum()).sqrt()


def _wavelengths(luma: Tensor) -> Tensor:
    """Roots of the shares of the energy, in rings of directions: along the pixels, diagonal, between."""
    energy = torch.stack([torch.fft.fft2(x - x.mean()).abs().square() for x in luma]).mean(0)
    y, x = (torch.fft.fftfreq(n).abs() for n in energy.shape)
    ring = (torch.hypot(y[:, None], x[None]) * 2 * RINGS).clamp(max=RINGS - 1).long()
    turn = (torch.atan2(y[:, None], x[None]) * 8 / torch.pi + 0.5).long()  # 0 and 4 lie along the pixels
    place = ring * SECTORS + torch.tensor([0, 1, 2, 1, 0])[turn]
    shares = torch.zeros(RINGS * SECTORS).index_add_(0, place.flatten(), energy.flatten())
    return (shares / energy.sum().clamp(min=1e-9)).sqrt()
