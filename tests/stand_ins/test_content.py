"""A digest over content: each ingredient changes it, the same content in new objects does not, and what has
no name is told."""

import collections
import enum
import functools
import importlib.util
import sys
import types
import uuid
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import comfy_objects as core
import numpy as np
import pytest
import torch
from torch import nn

content, replaced = core.imported("packs.content", "packs.replaced")
origin, Unnamed = content.origin, content.Unnamed


@pytest.fixture(autouse=True)
def known(monkeypatch):
    """Code of this file is a known project's, that of every other test file is not."""
    folder = Path(__file__).parent

    def of(module: str):
        if module.partition(".")[0] in origin.PLAIN:
            return origin.Origin("", module)
        return origin.Origin("tests", module, folder) if module == __name__ else None

    monkeypatch.setattr(origin, "of", of)
    monkeypatch.setattr(origin, "of_file", lambda file: None)
    monkeypatch.setattr(origin, "always", dict)
    monkeypatch.setattr(origin, "code_in", lambda project, folder: "code")


def key(thing, loaded=()) -> str:
    taken = content.Content(loaded)
    taken.put(thing, "it")
    return taken.text


class Kind(enum.Enum):
    ONE, OTHER = 1, 2


class Thing:
    def __init__(self, **fields):
        vars(self).update(fields)


class Slotted:
    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value

    def method(self):
        return self.value


class Net(nn.Module):
    def __init__(self, weight=1.0, heads=8, width=3):
        super().__init__()
        self.layer, self.heads = nn.Linear(width, 2), heads
        self.register_buffer("table", torch.full((2,), 3.0))
        with torch.no_grad():
            self.layer.weight.fill_(weight)
            self.layer.bias.zero_()


class ModelPatcher:
    """As ComfyUI's, as far as its fields have a bearing on an answer, and one of what a run leaves."""

    def __init__(self, net: nn.Module | None = None, **fields):
        self.model, self.patches, self.backup, self.hook_backup = net or Net(), {}, {}, {}
        self.object_patches, self.object_patches_backup, self.patches_uuid = {}, {}, uuid.uuid4()
        self.model_options, self.attachments, self.additional_models = {"transformer_options": {}}, {}, {}
        self.wrappers, self.load_device, self.injections = {}, torch.device("cpu"), {}
        self.is_injected = False
        vars(self).update(fields)

    @contextmanager
    def use_ejected(self):
        """Without the layers that a run has put between the network's own."""
        added = self.model._modules.pop("added", None)
        yield
        if added is not None:
            self.model.added = added


class ControlBase:
    def __init__(self, hint=1.0, strength=1.0, net=None):
        self.cond_hint_original, self.strength = torch.full((1, 3, 4, 4), hint), strength
        self.control_model, self.cond_hint, self.previous_controlnet = net or Net(), None, None


class HookKeyframeGroup:
    def __init__(self, *strengths):
        self.keyframes, self._current_index = [Thing(strength=one) for one in strengths], 0


def a_function(x, more=1):
    return x + more


def another_function(x, more=1):
    return x - more


def remembered(function):
    @functools.wraps(function)
    def wrapper(*given):
        return function(*given)

    return wrapper


@remembered
def decorated(x):
    return x


@remembered
def decorated_too(x):
    return x


def with_default(value):
    def function(x, more=None):
        return x

    function.__defaults__ = (value,)
    return function


def with_attribute(value):
    function = types.FunctionType(a_function.__code__, globals(), "a_function", (1,))
    function.scale = value
    return function


class CFGGuider:
    """As core's: model_options are the MODEL's own, unless somebody gives the guider others."""

    def __init__(self, **options):
        self.model_patcher, self.cfg = ModelPatcher(), 1.0
        self.model_options = {**self.model_patcher.model_options, **options}


LORA = "diffusion_model.in.weight"


def lora(strength=0.5, up=1.0) -> ModelPatcher:
    return ModelPatcher(patches={LORA: [(strength, ("lora", (torch.full((2, 1), up),)), 1.0, None, None)]})


def condition(value=1.0, **more):
    return {"positive": [{"cross_attn": torch.full((1, 2, 3), value), "uuid": uuid.uuid4(), **more}]}


def windows(**fields) -> ModelPatcher:
    settings = {"context_length": 16, "context_overlap": 4, "fuse_method": Thing(name="pyramid")}
    return ModelPatcher(model_options={"context_handler": Thing(**settings | fields)})


# what is the same in new objects, and the same with one ingredient changed
INGREDIENTS: dict[str, tuple[Callable, tuple[Callable, ...]]] = {
    "a number": (lambda: 0.5, (lambda: 0.25, lambda: 1, lambda: True, lambda: "0.5", lambda: None)),
    "a tensor": (
        lambda: torch.ones(2, 3),
        (
            lambda: torch.ones(3, 2),
            lambda: torch.ones(2, 3).half(),
            lambda: torch.ones(2, 3, dtype=torch.bfloat16),
            lambda: torch.tensor([[1, 1, 1], [1, 1, 1 + 2**-23]]),
            lambda: torch.ones(2, 3, dtype=torch.int32),
        ),
    ),
    "a view": (lambda: torch.arange(6.0).reshape(2, 3).T, (lambda: torch.arange(6.0).reshape(3, 2),)),
    "a list": (lambda: [1, [2, 3]], (lambda: [[1, 2], 3], lambda: [1, 2, 3], lambda: (1, [2, 3]))),
    "a dict": (
        lambda: {"a": 1, "b": 2},
        (lambda: {"a": 2, "b": 1}, lambda: {"a": 1}, lambda: {"a": 1, "c": 2}),
    ),
    "a set": (lambda: {"x", "y", "z"}, (lambda: {"x", "y"}, lambda: {"x", "y", 1})),
    "a default of a dict": (
        lambda: collections.defaultdict(functools.partial(int, 1)),
        (lambda: collections.defaultdict(functools.partial(int, 2)), lambda: collections.defaultdict()),
    ),
    "a function with a value on it": (lambda: with_attribute(1), (lambda: with_attribute(2),)),
    "a guider with options of its own": (
        lambda: CFGGuider(),
        (
            lambda: CFGGuider(sampler_cfg_function=a_function),
            lambda: CFGGuider(transformer_options={"patches": {"attn1": [a_function]}}),
        ),
    ),
    "an enum": (lambda: Kind.ONE, (lambda: Kind.OTHER, lambda: 1)),
    "a dtype": (lambda: torch.float16, (lambda: torch.bfloat16, lambda: "torch.float16")),
    "a device": (lambda: torch.device("cuda:0"), (lambda: torch.device("cpu"),)),
    "a function": (lambda: a_function, (lambda: another_function, lambda: with_default(1))),
    "a decorated function": (lambda: decorated, (lambda: decorated_too, lambda: decorated.__wrapped__)),
    "a default": (lambda: with_default(1), (lambda: with_default(2),)),
    "a partial": (
        lambda: functools.partial(a_function, 1),
        (lambda: functools.partial(a_function, 2), lambda: functools.partial(another_function, 1)),
    ),
    "a method": (lambda: Slotted(1).method, (lambda: Slotted(2).method,)),
    "an object": (
        lambda: Thing(a=1, b=torch.ones(2)),
        (
            lambda: Thing(a=1, b=torch.zeros(2)),
            lambda: Thing(a=1),
            lambda: Slotted(1),
            lambda: Thing(a=1, c=2),
        ),
    ),
    "a network": (
        Net,
        (
            lambda: Net(weight=2.0),
            lambda: Net(heads=4),
            lambda: Net(width=4),
            lambda: Net().half(),
            lambda: ModelPatcher().model.requires_grad_(False).eval(),
        ),
    ),
    "a LoRA": (lora, (lambda: lora(strength=0.6), lambda: lora(up=2.0), ModelPatcher)),
    "a MODEL": (
        ModelPatcher,
        (
            lambda: ModelPatcher(Net(weight=2.0)),
            lambda: ModelPatcher(attachments={"ADE_params": Thing(context=1)}),
            lambda: ModelPatcher(additional_models={"ADE": [ModelPatcher()]}),
            lambda: ModelPatcher(object_patches={"model_sampling": Thing(shift=3.0)}),
            lambda: ModelPatcher(wrappers={"sample": {"ADE": [a_function]}}),
            lambda: ModelPatcher(model_options={"transformer_options": {"patches": {"attn1": [a_function]}}}),
            lambda: ModelPatcher(
                model_options={"sampler_cfg_function": a_function, "transformer_options": {}}
            ),
            lambda: ModelPatcher(load_device=torch.device("cuda")),
        ),
    ),
    "a motion model": (
        lambda: ModelPatcher(
            additional_models={"ADE": [ModelPatcher(attachments={"ADE": Thing(scale=1.0)})]}
        ),
        (
            lambda: ModelPatcher(
                additional_models={"ADE": [ModelPatcher(attachments={"ADE": Thing(scale=2.0)})]}
            ),
            lambda: ModelPatcher(additional_models={"ADE": [ModelPatcher(Net(3.0))]}),
        ),
    ),
    "windows": (
        windows,
        (
            lambda: windows(context_length=8),
            lambda: windows(context_overlap=2),
            lambda: windows(fuse_method=Thing(name="flat")),
        ),
    ),
    "a prompt": (
        condition,
        (
            lambda: condition(2.0),
            lambda: condition(strength=0.5),
            lambda: condition(mask=torch.ones(1, 2, 2)),
            lambda: {**condition(), "negative": []},
        ),
    ),
    "a ControlNet": (
        lambda: condition(control=ControlBase()),
        (
            lambda: condition(control=ControlBase(hint=0.5)),
            lambda: condition(control=ControlBase(strength=0.5)),
            lambda: condition(control=ControlBase(net=Net(2.0))),
        ),
    ),
    "a hook": (
        lambda: condition(hooks=Thing(hook_keyframe=HookKeyframeGroup(1.0, 0.5))),
        (
            lambda: condition(hooks=Thing(hook_keyframe=HookKeyframeGroup(1.0, 0.25))),
            lambda: condition(hooks=Thing(hook_keyframe=HookKeyframeGroup(1.0))),
        ),
    ),
}


@pytest.mark.parametrize("name", INGREDIENTS)
def test_equal_content_has_one_key_and_each_change_another(name):
    same, others = INGREDIENTS[name]
    assert key(same()) == key(same())
    keys = [key(one()) for one in (same, *others)]
    assert len(set(keys)) == len(keys)


def loaded(patcher: ModelPatcher) -> ModelPatcher:
    """As it is while a run has it on the device, its patches in the place of what they change."""
    for name, weight in patcher.model.named_parameters():
        patcher.backup[name] = types.SimpleNamespace(weight=weight.detach().clone())
    with torch.no_grad():
        for weight in patcher.model.parameters():
            weight.mul_(1.5)
    patcher.object_patches_backup["layer"] = patcher.model.layer
    patcher.model.layer = nn.Sequential(nn.Linear(3, 2))
    patcher.patches_uuid, patcher.model.current_weight_patches_uuid = uuid.uuid4(), uuid.uuid4()
    return patcher


def test_what_a_run_leaves_is_no_part_of_it():
    assert key(loaded(lora())) == key(lora())
    assert key(loaded(ModelPatcher())) == key(ModelPatcher()) != key(lora())
    used = ControlBase()
    used.cond_hint = torch.rand(1, 3, 8, 8)
    assert key(used) == key(ControlBase())
    moved = HookKeyframeGroup(1.0, 0.5)
    moved._current_index = 1
    assert key(moved) == key(HookKeyframeGroup(1.0, 0.5))


def test_the_layers_that_a_run_has_put_into_a_network_are_no_part_of_it():
    """The MODEL that did it may be another than the one asked for."""
    net = Net()
    alone = key(ModelPatcher(net))
    net.added = nn.Linear(2, 2)
    assert key(ModelPatcher(net), [ModelPatcher(), ModelPatcher(net)]) == alone
    assert "added" in net._modules
    assert key(ModelPatcher(net), [ModelPatcher()]) != alone


def test_weights_that_change_under_a_known_network_are_seen():
    net = Net()
    first = key(net)
    assert key(net) == first
    with torch.no_grad():
        net.layer.weight.mul_(2)
    assert key(net) != first
    with torch.no_grad():
        net.layer.weight.div_(2)
    assert key(net) == first


def test_weights_are_read_once_for_each_network(monkeypatch):
    read, weights = [], content.weights.__globals__
    whole = weights["_digest"]
    monkeypatch.setitem(weights, "_digest", lambda named: read.append(1) or whole(named))
    net = Net()
    for _ in range(3):
        key(net)
    assert len(read) == 4  # some numbers each time, all of them once
    known = len(weights["_known"])
    del net
    assert len(weights["_known"]) == known - 1


def made_closed(value: int):
    class Closed:
        def answer(self):
            return value

    return Closed()


def made_class(value: int = 1, other: bool = False):
    class Local:
        amount = value

        def answer(self):
            return 1

    class Other(Local):
        def answer(self):
            return 2

    Other.__qualname__ = Local.__qualname__
    return (Other if other else Local)()


def test_a_class_that_a_function_makes_is_known_by_what_it_has():
    assert key(made_class()) == key(made_class())
    assert len({key(made_class()), key(made_class(2)), key(made_class(other=True))}) == 3


class Again:
    def __init__(self):
        self.me = self


def test_an_object_may_hold_itself_and_be_met_twice():
    assert key(Again()) == key(Again())
    shared, twice = Thing(a=1), (Thing(a=1), Thing(a=1))
    assert key((shared, shared)) != key(twice)


def closure(value):
    return lambda x: x + value


class Strange(torch.Tensor):
    pass


class Texts(str):
    """A text that is more than one."""


class Number(float):
    """A number that is more than one."""


class Queue(collections.deque):
    """What a queue holds is no field."""


def standing_for(function):
    """Another pack's function by the name of a known one, without a closure."""
    code = another_function.__code__.replace(co_filename="/elsewhere/pack.py")
    return functools.wraps(function)(types.FunctionType(code, globals()))


def hooked() -> nn.Module:
    net = Net()
    net.layer.register_forward_hook(lambda *_: None)
    return net


def holding_itself() -> list:
    ring: list = []
    ring.append(ring)
    return ring


NAMELESS = {
    "a class around a value": (
        lambda: made_closed(1),
        r"made_closed\.<locals>\.Closed, whose answer is a closure",
    ),
    "a compiled network": (lambda: torch.jit.script(nn.Linear(2, 2)), "which this pack does not know"),
    "a closure": (lambda: closure(1), r"it is closure\.<locals>\.<lambda> of .*\(a closure\)"),
    "a closure on a MODEL": (
        lambda: ModelPatcher(model_options={"sampler_post_cfg_function": [closure(1)]}),
        r"entry 0 of 'sampler_post_cfg_function' of model_options of it is closure.*\(a closure\)",
    ),
    "an object of another pack": (
        lambda: ModelPatcher(attachments={"IP": core.SD15()}),
        r"'IP' of attachments of it is an object of comfy_objects\.SD15, which this pack does not know",
    ),
    "a function of another pack": (
        lambda: [core.imported],
        r"entry 0 of it is imported of comfy_objects, which this pack does not know",
    ),
    "a class of another pack": (lambda: core.SD15, "which this pack does not know"),
    "a layer of another pack": (
        lambda: ModelPatcher(nn.Sequential(core._Decoder())),
        r"0 of it is an object of comfy_objects\._Decoder",
    ),
    "a closure under a function's name": (
        lambda: remembered(a_function),
        r"it is a_function of .*\(a closure\)",
    ),
    "a text with more to it": (lambda: Texts("a"), "it is a Texts, a str with more to it"),
    "a number with more to it": (
        lambda: Thing(scale=Number(2)),
        "scale of it is a Number, a float with more",
    ),
    "a queue": (lambda: Queue([1]), "it is a Queue, a deque with more to it"),
    "an array with a mask": (
        lambda: np.ma.masked_array([1.0, 2.0], [True, False]),
        "it is a MaskedArray, a ndarray with more to it",
    ),
    "another pack's function by a known name": (
        lambda: standing_for(a_function),
        "it is a_function of .* by its name, with the code of a pack that is not known here",
    ),
    "a closure in an object": (lambda: Thing(guide=closure(2)), r"guide of it is closure"),
    "a hook of torch's": (hooked, r"layer\._forward_hooks of it has hooks of torch's"),
    "a replaced forward": (
        lambda: ModelPatcher(_with_forward(closure(1))),
        r"layer\.forward of it is closure",
    ),
    "a tensor with more to it": (lambda: torch.ones(2).as_subclass(Strange), "it is a Strange whose numbers"),
    "a weight with more to it": (
        lambda: _with_weight(torch.ones(2, 3).as_subclass(Strange)),
        "the weight layer.odd is a Strange whose numbers",
    ),
    "a sparse tensor": (lambda: torch.eye(2).to_sparse(), "whose numbers lie elsewhere"),
    "a tensor without numbers": (lambda: torch.ones(2, device="meta"), "whose numbers lie elsewhere"),
    "a generator": (lambda: torch.Generator(), "it is a Generator, which does not show what it holds"),
    "an iterator": (lambda: iter([1]), "it is a list_iterator, which does not show what it holds"),
    "a set of objects": (lambda: {Thing()}, "it is a set of objects"),
    "a list that holds itself": (holding_itself, "holds itself"),
    "a method of a plain object": (lambda: [].append, "a method of an object that has no name"),
}


def _with_forward(function) -> nn.Module:
    net = Net()
    net.layer.forward = function
    return net


def _with_weight(weight) -> nn.Module:
    net = Net()
    net.layer._buffers["odd"] = weight
    return net


@pytest.mark.parametrize("name", NAMELESS)
def test_what_has_no_name_is_told(name):
    make, why = NAMELESS[name]
    with pytest.raises(Unnamed, match=why):
        key(make())


def of_a_pack(folder: Path, source: str):
    """What a pack of nodes makes: its module lies in a folder of custom nodes."""
    file = folder / "a_pack" / "nodes.py"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(source)
    spec = importlib.util.spec_from_file_location(str(file.parent).replace(".", "_x_"), file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PATCHED = """
import functools, torch, contextlib

class Owner:
    def method(self, x):
        return 2 * x
    def __call__(self, x):
        return 2 * x

def plain(x):
    return 2 * x

def around(function):
    @functools.wraps(function)
    def wrapper(x):
        return 2 * function(x)
    return wrapper

@torch.no_grad()
def without_gradients(x):
    return 2 * x

@torch.compiler.disable()
def not_compiled(x):
    return 2 * x

@functools.lru_cache
def remembered(x):
    return 2 * x

@contextlib.contextmanager
def context():
    yield

partial = functools.partial(plain)
bound = Owner().method
called = Owner()
"""
REPLACED: dict[str, Callable] = {
    "a function": lambda pack, _: pack.plain,
    "a wrapper": lambda pack, old: pack.around(old),
    "a function without gradients": lambda pack, _: pack.without_gradients,
    "a function that is not compiled": lambda pack, _: pack.not_compiled,
    "a function with a memory": lambda pack, _: pack.remembered,
    "a context": lambda pack, _: pack.context,
    "a partial": lambda pack, _: pack.partial,
    "a method": lambda pack, _: pack.bound,
    "an object that is called": lambda pack, _: pack.called,
    "a class": lambda pack, _: pack.Owner,
}


@pytest.fixture
def attention(monkeypatch):
    """A module of ComfyUI's names with a function that computes attention, and a class."""
    module = types.ModuleType("comfy.attention_of_a_test")

    def attention_pytorch(x):
        return x

    attention_pytorch.__module__ = module.__name__
    module.optimized_attention = attention_pytorch  # type: ignore[attr-defined]
    module.Block = type("Block", (), {"__module__": module.__name__, "forward": attention_pytorch})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(replaced, "of_file", lambda file: None)
    return module


@pytest.mark.parametrize("name", REPLACED)
def test_what_a_pack_has_put_in_the_place_of_comfyuis_is_told(attention, tmp_path, monkeypatch, name):
    module = of_a_pack(tmp_path, PATCHED)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    made = REPLACED[name](module, attention.optimized_attention)
    replaced.check([str(tmp_path)])
    kept = attention.optimized_attention
    attention.optimized_attention = made
    with pytest.raises(Unnamed, match=r"in the place of ComfyUI's comfy.attention_of_a_test.optimized_att"):
        replaced.check([str(tmp_path)])
    attention.optimized_attention = kept
    attention.Block.forward = made
    with pytest.raises(Unnamed, match=r"in the place of ComfyUI's comfy.attention_of_a_test.Block.forward"):
        replaced.check([str(tmp_path)])
    replaced.check([str(tmp_path / "elsewhere")])


def test_what_a_pack_has_put_in_the_place_of_torchs_is_told(tmp_path, monkeypatch):
    module = of_a_pack(tmp_path, PATCHED)
    monkeypatch.setattr(replaced, "of_file", lambda file: None)
    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", module.plain)
    with pytest.raises(Unnamed, match=r"its plain in the place of torch.nn.functional.scaled_dot_product"):
        replaced.check([str(tmp_path)])


def test_another_function_for_attention_is_another_key(attention, monkeypatch):
    """A library's in the place of ComfyUI's own, or of torch's: no pack's code is there."""
    first = replaced.attention()
    assert replaced.attention() == first
    kept, attention.optimized_attention = attention.optimized_attention, nn.functional.softmax
    second = replaced.attention()
    attention.optimized_attention = kept
    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", nn.functional.relu)
    third = replaced.attention()
    assert len({tuple(one) for one in (first, second, third)}) == 3
