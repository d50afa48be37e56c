"""Files that are damaged, foreign, too new or made to do harm: each is one sentence, and nothing more."""

import json
import os
import random
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from unsampling import UnsamplingError, noise_file, thumbnail
from unsampling.noise_file import Saved

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
from test_noise_file import IMAGES, made, masked, paths

ROOT = Path(__file__).parents[2]


def whole(folder: Path) -> Path:
    inversion = made(mask=masked(IMAGES), direct=0.5)
    saved = Saved(inversion.noise, inversion, inversion.record.source, caller={"latent": {}})
    return noise_file.save(paths(folder), saved, False)


def parts(path: Path) -> tuple[dict, bytes]:
    """Header and data."""
    raw = path.read_bytes()
    end = 8 + int.from_bytes(raw[:8], "little")
    return json.loads(raw[8:end]), raw[end:]


def joined(header: dict | str, data: bytes) -> bytes:
    text = (header if isinstance(header, str) else json.dumps(header)).encode()
    return struct.pack("<Q", len(text)) + text + data


def refusal(path: Path) -> str:
    with pytest.raises(UnsamplingError) as refused:
        noise_file.load(path)
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 400
    return str(refused.value)


def with_settings(header: dict, change: Callable[[dict], object]) -> dict:
    settings = json.loads(header["__metadata__"]["settings"])
    change(settings)
    return header | {"__metadata__": header["__metadata__"] | {"settings": json.dumps(settings)}}


def nested(*keys: str, to):
    def change(settings: dict) -> None:
        *way, last = keys
        for key in way:
            settings = settings[key]
        settings[last] = to

    return change


SIGMAS = ("inversion", "sigmas")
RECORD = ("inversion", "record")
DIRECT = (*RECORD, "direct")


@pytest.mark.parametrize(
    "change, sentence",
    [
        (nested(*SIGMAS, to=[1.0, 2.0]), "sigmas rises"),
        (nested(*SIGMAS, to=[]), "sigmas is empty"),
        (nested(*SIGMAS, to=[1e39, 1.0, 0.0]), "infinite"),
        (nested(*SIGMAS, to=[float("nan"), 0.0]), "its setting sigmas is nan"),
        (nested(*SIGMAS, to="abc"), "its setting sigmas is missing or odd"),
        (nested(*SIGMAS, to=[True, False]), "its setting sigmas is missing or odd"),
        (nested("inversion", "start", to=8), "its noise lies at step 8 of 8"),
        (nested("inversion", "start", to=-1), "its noise lies at step -1 of 8"),
        (nested("inversion", "start", to=1.0), "its setting start is missing or odd"),
        (nested("inversion", "start", to=2), "answers, and midpoint gave"),
        (nested("inversion", "solver", to="ees25"), "ees25 cannot use a record"),
        (nested("inversion", "solver", to="../../x"), "solver '../../x' is unknown"),
        (nested("inversion", "solver", to=None), "its setting solver is missing or odd"),
        (nested("inversion", "info", to=[1]), "its setting info is missing or odd"),
        (nested("inversion", to=3), "its setting inversion is missing or odd"),
        (nested(*RECORD, "outputs", to=10**9), "it has 1000000000 answers, and midpoint gave"),
        (nested(*RECORD, "half", to=0), "its setting half is missing or odd"),
        (nested(*DIRECT, "steps", to=0), "its direct path has 0 of 8 steps"),
        (nested(*DIRECT, "steps", to=9), "its direct path has 9 of 8 steps"),
        (nested(*DIRECT, "steps", to=8), "it has no record.direct.00004"),
        (nested(*DIRECT, "places", to=[0]), "it has the places of 1 of 8 frames"),
        (nested(*DIRECT, "places", to=["0"] * 8), "its setting places is missing or odd"),
        (nested(*DIRECT, "seed", to="1"), "its setting seed is missing or odd"),
        (nested("half", to=None), "its setting half is missing or odd"),
        (nested("caller", to=None), "its setting caller is missing or odd"),
    ],
)
def test_settings_that_cannot_be_are_named(tmp_path, change, sentence):
    path = whole(tmp_path)
    header, data = parts(path)
    path.write_bytes(joined(with_settings(header, change), data))
    assert sentence in refusal(path)


@pytest.mark.parametrize(
    "metadata, sentence",
    [
        (
            {"version": "2"},
            "it is of version 2 of the format, and this pack reads up to 1; update Unsampling",
        ),
        ({"version": "999999999"}, "it is of version 999999999 of the format"),
        ({"version": "9" * 5000}, "it has no version"),
        ({"version": "\u00b2"}, "it has no version"),
        ({"version": ""}, "it has no version"),
        ({"format": "pt"}, "it is no noise file: Save Noise writes those"),
        ({"settings": "[" * 100_000}, "its settings cannot be read"),
        ({"settings": '{"half": ' + "9" * 5000 + "}"}, "its settings cannot be read"),
        ({"settings": "[]"}, "its settings cannot be read"),
        ({"settings": ""}, "its settings cannot be read"),
        ({"sums": "3"}, "its settings cannot be read"),
        ({"sums": '{"noise": 3}'}, "its noise is damaged: copy the file again"),
    ],
)
def test_metadata_that_cannot_be_is_named(tmp_path, metadata, sentence):
    path = whole(tmp_path)
    header, data = parts(path)
    path.write_bytes(joined(header | {"__metadata__": header["__metadata__"] | metadata}, data))
    assert sentence in refusal(path)


def test_a_newer_file_is_told_before_its_settings_are_read(tmp_path):
    path = whole(tmp_path)
    header, data = parts(path)
    newer = header["__metadata__"] | {"version": "7", "settings": "another language"}
    path.write_bytes(
        joined({"__metadata__": newer, "future": header["noise"]}, data[: header["noise"]["data_offsets"][1]])
    )
    assert refusal(path) == (
        "it is of version 7 of the format, and this pack reads up to 1; update Unsampling"
    )


@pytest.mark.parametrize(
    "name", ["noise", "record.output.00003", "record.direct.00001", "record.mask", "source"]
)
@pytest.mark.parametrize("bit", [0, 6])
def test_a_bit_that_fell_over_is_found(tmp_path, name, bit):
    path = whole(tmp_path)
    header, data = parts(path)
    data = bytearray(data)
    begin, end = header[name]["data_offsets"]
    data[(begin + end) // 2] ^= 1 << bit
    path.write_bytes(joined(header, bytes(data)))
    assert f"its {name} is damaged" in refusal(path)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("name", ["noise", "record.source", "record.output.00000", "latent.noise_mask"])
def test_nan_is_found_though_the_sums_agree(tmp_path, name, value):
    inversion = made()
    header, data = parts(
        noise_file.save(
            paths(tmp_path),
            Saved(inversion.noise, inversion, extra={"noise_mask": torch.ones(1, 5, 6)}),
            False,
        )
    )
    data, (begin, _) = bytearray(data), header[name]["data_offsets"]
    data[begin + 40 : begin + 44] = struct.pack("<f", value)
    del header["__metadata__"]["sums"]
    path = tmp_path / "nan.safetensors"
    path.write_bytes(joined(header, bytes(data)))
    assert refusal(path) == f"its {name} holds NaN or infinite values"


def test_noise_with_nan_is_not_saved(tmp_path):
    noise = torch.ones(IMAGES)
    noise[3, 0, 0, 0] = float("nan")
    with pytest.raises(UnsamplingError, match="noise holds NaN or infinite values"):
        noise_file.save(paths(tmp_path), Saved(noise), False)
    assert list(tmp_path.iterdir()) == []


HUGE = 2**62


@pytest.mark.parametrize(
    "text",
    [
        f'{{"x":{{"dtype":"F32","shape":[{HUGE // 4}],"data_offsets":[0,{HUGE}]}}}}',
        f'{{"x":{{"dtype":"F32","shape":[{HUGE},{HUGE}],"data_offsets":[0,16]}}}}',
        '{"x":{"dtype":"F32","shape":[4],"data_offsets":[16,0]}}',
        '{"x":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"y":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}',
        '{"x":{"dtype":"F32","shape":[-4],"data_offsets":[0,16]}}',
        '{"x":{"dtype":"X32","shape":[4],"data_offsets":[0,16]}}',
        '{"x":{"dtype":"F32","shape":[4]}}',
        '{"../../x":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}',
        "{" * 10_000,
        "[]",
        "null",
        "",
        '{"__metadata__":{"format":3}}',
        '{"__metadata__":{"format":"unsampling noise","version":"1"}}',
        "\x00" * 64,
    ],
)
def test_headers_that_lie(tmp_path, text):
    path = tmp_path / "bad.safetensors"
    path.write_bytes(joined(text, b"\x00" * 16))
    assert refusal(path)


@pytest.mark.parametrize("length", [2**64 - 1, 2**63, 10**12, 9 * 2**20, 17])
def test_lengths_that_lie(tmp_path, length):
    """A sparse file, so that a header of nine MiB is there."""
    path = tmp_path / "bad.safetensors"
    path.write_bytes(struct.pack("<Q", length))
    os.truncate(path, 24 if length == 17 else 10 * 2**20)
    assert refusal(path)


@pytest.mark.parametrize("kind", ["nothing", "short", "folder", "fifo", "missing", "zip", "text"])
def test_what_is_no_such_file(tmp_path, kind):
    path = tmp_path / "bad.safetensors"
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind != "missing":
        path.write_bytes(
            {"nothing": b"", "short": b"\x01\x02", "zip": b"PK\x03\x04" * 99, "text": b"noise " * 9}[kind]
        )
    assert refusal(path)
    assert not noise_file.is_one(path)


def test_a_checkpoint_is_no_noise(tmp_path):
    save_file({"model.weight": torch.ones(3)}, tmp_path / "model.safetensors")
    assert refusal(tmp_path / "model.safetensors") == "it is no noise file: Save Noise writes those"


@pytest.mark.parametrize(
    "noise", [torch.ones(3), torch.ones(2, 0, 3, 3), torch.ones(1, 2, 3, 4, dtype=torch.int32)]
)
def test_noise_that_is_no_latent(tmp_path, noise):
    path = noise_file.save(paths(tmp_path), Saved(noise, caller={}), False)
    assert "no latent" in refusal(path)


@pytest.mark.parametrize("name", ["noise", "record.noise", "record.source", "record.output.00004", "source"])
def test_a_tensor_of_another_shape_or_type_is_named(tmp_path, name):
    path = whole(tmp_path)
    header, data = parts(path)
    frames, *others = header[name]["shape"]
    for change in ({"shape": [2 * frames, others[0] // 2, *others[1:]]}, {"dtype": "I32"}):
        path.write_bytes(joined(header | {name: header[name] | change}, data))
        assert "shape" in refusal(path) or name == "noise"
    del header[name]
    path.write_bytes(joined(header, data))
    assert refusal(path)


@pytest.mark.parametrize(
    "picture",
    [
        torch.zeros(4, 4, 3),
        torch.zeros(4, 4, dtype=torch.uint8),
        torch.zeros(4, 4, 4, dtype=torch.uint8),
        torch.zeros(0, 4, 3, dtype=torch.uint8),
        torch.zeros(1, 60_000, 3, dtype=torch.uint8),
        torch.zeros(3, 4, 4, 3, dtype=torch.uint8),
    ],
)
def test_pictures_that_are_none(picture):
    with pytest.raises(UnsamplingError, match="its picture cannot be read"):
        thumbnail.shown(picture)


@pytest.mark.parametrize("times", [1, 16])
def test_a_picture_comes_back(times):
    """Smaller ones as squares, larger ones as the means of what falls on a pixel."""
    drawn = torch.rand(24, 48, 3).round()
    large = drawn.repeat_interleave(times, 0).repeat_interleave(times, 1)
    found = thumbnail.shown(thumbnail.small(large))
    assert found.shape == (96, 192, 3)
    assert torch.equal(found[2::4, 2::4], drawn)
    assert thumbnail.shown(None) is None


def mutated(raw: bytes, dice: random.Random) -> bytes:
    """A file that was damaged, or whose header somebody wrote anew."""
    kind = dice.randrange(6)
    if kind == 0:
        return raw[: dice.randrange(len(raw))]
    if kind == 1:
        changed = bytearray(raw)
        for _ in range(dice.randrange(1, 20)):
            changed[dice.randrange(len(raw) if dice.random() < 0.3 else 4000)] = dice.randrange(256)
        return bytes(changed)
    end = 8 + int.from_bytes(raw[:8], "little")
    header, data = json.loads(raw[8:end]), raw[end:]
    if kind == 2:
        name = dice.choice([key for key in header if key != "__metadata__"])
        field = dice.choice(["dtype", "shape", "data_offsets"])
        header[name][field] = dice.choice(
            [*ODD, "F16", "BOOL", "F64", [0], [2**40, 2**40], [0, 2**60], [5, 3]]
        )
    elif kind == 3:
        header["__metadata__"][dice.choice(list(header["__metadata__"]))] = dice.choice(ODD)
    elif kind == 4:
        header = with_settings(header, lambda settings: odd(settings, dice))
    else:
        names = [key for key in header if key != "__metadata__"]
        a, b = dice.choice(names), dice.choice(names)
        header[a], header[b] = header[b], header[a]
        header[dice.choice(["latent.samples", "latent.unsampling", "../x", "C:\\x", "\x00"])] = header.pop(a)
    return joined(header, data)


ODD = [
    None,
    True,
    -1,
    0,
    2**70,
    1.5,
    float("nan"),
    float("inf"),
    "",
    "x" * 9999,
    [],
    {},
    [[]],
    "../../etc/passwd",
    "CON",
]


def odd(settings: dict, dice: random.Random) -> None:
    """Puts something odd into one place of the settings."""
    at = settings
    while True:
        key = dice.choice(list(at)) if isinstance(at, dict) else dice.randrange(len(at))
        if isinstance(at[key], (dict, list)) and at[key] and dice.random() < 0.8:
            at = at[key]
        else:
            at[key] = dice.choice(ODD)
            return


def fuzz(folder: Path, count: int) -> None:
    """For a process of its own: says how many files were refused, and by how many KiB the process grew."""
    import resource

    raw = whole(folder).read_bytes()
    path, refused, dice = folder / "bad.safetensors", 0, random.Random(7)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(count):
        path.write_bytes(mutated(raw, dice))
        try:
            found = noise_file.load(path)
            assert found.noise.isfinite().all()
        except UnsamplingError as error:
            assert len(str(error).splitlines()) == 1 and len(str(error)) < 400, error
            refused += 1
    assert sorted(one.name for one in folder.iterdir()) == ["bad.safetensors", "noise_00001_.safetensors"]
    print(refused, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)


def test_5000_bad_files_are_refused_in_a_sentence_each(tmp_path):
    command = [sys.executable, str(Path(__file__)), str(tmp_path), "5000"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    said = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=500)
    assert said.returncode == 0, said.stderr[-3000:]
    refused, grown = map(int, said.stdout.split())
    assert refused > 4300 and grown < 100 * 1024


NAMES = {f"{i}": {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]} for i in range(120_000)}
CALLER = '{"half": false, "inversion": null, "caller": {"latent": {"x": %s}}}'
SIGMAS = '{"half": false, "inversion": {"sigmas": %s}, "caller": {}}'


def many(value: str, size: int = 7 * 2**20) -> str:
    return f"[{','.join([value] * (size // (len(value) + 1)))}]"


def objects(size: int = 6 * 2**20) -> str:
    return "{" + ",".join(f'"{i}":0' for i in range(size // 10)) + "}"


# where, and what: the most that is read of each
FULL = {
    "names": ({}, NAMES),
    "lists in the LATENT": ({"settings": CALLER % many("[]")}, {}),
    "objects in the LATENT": ({"settings": CALLER % many("{}")}, {}),
    "a deep list in the LATENT": ({"settings": CALLER % ("[" * 10**6 + "]" * 10**6)}, {}),
    "texts as sigmas": ({"settings": SIGMAS % many("'ab'".replace("'", '"'), 5 * 2**20)}, {}),
    "numbers as sigmas": ({"settings": SIGMAS % many("5.5")}, {}),
    "lists as settings": ({"settings": many("[]")}, {}),
    "lists as sums": ({"sums": many("[]")}, {}),
    "names in sums": ({"sums": objects()}, {}),
}


@pytest.mark.parametrize("name", FULL)
def test_a_full_header_takes_little_memory(tmp_path, name):
    told, tensors = FULL[name]
    header = {"__metadata__": {"format": "unsampling noise", "version": "1", "settings": "{}"} | told}
    header |= tensors or {"noise": {"dtype": "F32", "shape": [1, 4, 2, 2], "data_offsets": [0, 64]}}
    path = tmp_path / "full.safetensors"
    path.write_bytes(joined(header, b"" if tensors else bytes(64)))
    assert (1 if "deep" in name else 5) * 2**20 < path.stat().st_size < 8 * 2**20
    code = (
        "import resource, sys\nfrom pathlib import Path\nfrom unsampling import UnsamplingError, noise_file\n"
        "size = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\nbefore = size()\n"
        "try:\n    noise_file.load(Path(sys.argv[1]))\nexcept UnsamplingError:\n    print(size() - before)"
    )
    said = subprocess.run([sys.executable, "-c", code, str(path)], cwd=ROOT, capture_output=True, text=True)
    assert int(said.stdout) < 100 * 1024, said.stderr


@pytest.mark.parametrize("value", [[[]] * 2**18, list(range(2**18)), {str(i): i for i in range(2**18)}])
def test_what_could_not_be_loaded_is_not_saved(tmp_path, value):
    saved = noise_file.Saved(torch.ones(1, 4, 2, 2), caller={"latent": {"x": value}})
    with pytest.raises(UnsamplingError, match="values, of which a file holds 262144"):
        noise_file.save(iter([tmp_path / "a.safetensors"]), saved, False)
    assert not list(tmp_path.iterdir())


if __name__ == "__main__":
    fuzz(Path(sys.argv[1]), int(sys.argv[2]))
