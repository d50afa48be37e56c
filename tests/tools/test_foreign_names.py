"""Names of other projects stand in host/packs alone, and are read through one function (ARCHITECTURE.md)."""

import ast
import importlib
from functools import cache
from itertools import chain
from types import ModuleType

import pytest
from pack_modules import COMFY, OF_PACK, OF_PACKS, SOURCES, shown, tops

# those that cannot be imported here are read as sources
WITH_COMFY = [name for name in OF_PACKS if tops(name) & COMFY]
# they read what is not another project's: their own fields, or another object in whose place they stand
COMPUTED = {"host.facts", "host.packs.fields", "host.counted", "host.packs.core_turns"}
# and these take in whatever is there
COMPUTED |= {"host.packs.content", "host.packs.environment", "host.packs.origin", "host.packs.run_state"}


def nodes_of(source: str, *kinds: type) -> list:
    return [node for node in ast.walk(ast.parse(source)) if isinstance(node, kinds)]


def declarations(module: ModuleType, kind: str) -> list:
    """What a module holds of that kind, alone or in tuples."""
    held = chain.from_iterable(one if isinstance(one, tuple) else (one,) for one in vars(module).values())
    return [one for one in held if type(one).__name__ == kind]


@cache
def declared(kind: str) -> list:
    """All Kinds, or all Keys, of host/packs, as they are at run time."""
    modules = [
        importlib.import_module(f"unsampling_pack.{name}") for name in OF_PACKS if name not in WITH_COMFY
    ]
    return list(chain.from_iterable(declarations(module, kind) for module in modules))


def texts_of_kinds(source: str) -> set[str]:
    """The fields that stand in the Kinds of a source, as texts or as names of texts."""
    named = {
        node.targets[0].id: node.value.value
        for node in nodes_of(source, ast.Assign)
        if isinstance(node.targets[0], ast.Name) and isinstance(node.value, ast.Constant)
    }
    kinds = [call for call in nodes_of(source, ast.Call) if ast.unparse(call.func) == "Kind"]
    leaves = [leaf for kind in kinds for leaf in ast.walk(kind)]
    texts = [leaf.value for leaf in leaves if isinstance(leaf, ast.Constant)]
    texts += [named[leaf.id] for leaf in leaves if isinstance(leaf, ast.Name) and leaf.id in named]
    return {text for text in texts if isinstance(text, str) and text.isidentifier()}


@cache
def foreign_names() -> frozenset[str]:
    """Every field that host/packs declares, of whatever sort."""
    sorts = [sort for kind in declared("Kind") for sort in vars(kind).values() if isinstance(sort, tuple)]
    return frozenset(chain(*sorts)).union(*(texts_of_kinds(SOURCES[name]) for name in WITH_COMFY))


@cache
def key_texts() -> frozenset[str]:
    return frozenset(key.name for key in declared("Key"))


def attributes(source: str) -> set[str]:
    """The attributes that are read or written in a source by name."""
    patterns = [node.kwd_attrs for node in nodes_of(source, ast.MatchClass)]
    return {node.attr for node in nodes_of(source, ast.Attribute)}.union(*patterns)


def _texts(nodes: list) -> set[str]:
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def _getattrs(source: str) -> list[ast.expr]:
    """What getattr() and its like are asked for."""
    calls = [call for call in nodes_of(source, ast.Call) if isinstance(call.func, ast.Name)]
    return [call.args[1] for call in calls if call.func.id in ("getattr", "hasattr", "setattr", "delattr")]


def attribute_texts(source: str) -> set[str]:
    """The attributes that are read or written by a text."""
    return _texts(_getattrs(source))


def key_uses(source: str) -> set[str]:
    """The keys that are read or written by a text."""
    calls = [
        call for call in nodes_of(source, ast.Call) if isinstance(call.func, ast.Attribute) and call.args
    ]
    asked = [call.args[0] for call in calls if call.func.attr in ("get", "pop", "setdefault")]
    mappings = [key for node in nodes_of(source, ast.MatchMapping) for key in node.keys]
    return _texts([*asked, *mappings, *(node.slice for node in nodes_of(source, ast.Subscript))])


def read_past(source: str) -> set[str]:
    """The foreign names that a source uses otherwise than through a Kind; single words may be attributes of
    ours as well."""
    by_name = {one for one in attributes(source) if "_" in one}
    return (by_name | attribute_texts(source) | key_uses(source)) & foreign_names()


def keys_in(source: str) -> set[str]:
    """The Keys' texts that stand in a source."""
    return _texts(nodes_of(source, ast.Constant)) & key_texts()


def test_the_names_are_those_at_run_time():
    with_comfy = ("core_experts", "core_files", "core_turns", "environment", "user_settings", "wan_vae")
    assert [f"host.packs.{name}" for name in with_comfy] == WITH_COMFY
    assert len(foreign_names()) > 90 and len(key_texts()) >= 8
    # starred and named tuples, those of another file, an optional field, single words, a named text
    starred = {"current_pia_input", "orig_mult_multival", "inherit_missing"}
    others = {"weighted_mean", "multigpu_clones", "mode", "mult", "comfy_has_chunked_io", "upscale_ratio"}
    assert starred | others <= foreign_names()
    assert {"ADE", "ADGS", "easycache", "sample_sigmas"} <= key_texts()


def test_kinds_are_read_from_a_source_as_well():
    source = (
        'MARK = "the_mark"\nVAE = Kind(CORE, "comfy.sd:VAE", ("decoder",), optional=(MARK,))\nOTHER = "x"'
    )
    assert texts_of_kinds(source) == {"decoder", "the_mark"}


@pytest.mark.parametrize("name", OF_PACK, ids=shown)
def test_foreign_fields_are_read_through_one_function(name):
    assert len(foreign_names()) > 40
    assert not read_past(SOURCES[name])


@pytest.mark.parametrize("name", [name for name in OF_PACK if name not in OF_PACKS], ids=shown)
def test_the_texts_of_keys_stand_in_host_packs_alone(name):
    assert not keys_in(SOURCES[name])


def computed(source: str) -> list[str]:
    """What getattr() and its like are asked for that does not stand in the call."""
    return [ast.unparse(one) for one in _getattrs(source) if not isinstance(one, ast.Constant)]


@pytest.mark.parametrize("name", OF_PACK, ids=shown)
def test_an_attributes_name_is_not_computed(name):
    """It could be any project's."""
    assert name in COMPUTED or computed(SOURCES[name]) == []


def test_a_foreign_field_that_is_read_directly_is_found():
    source = "a.fuse_method; getattr(b, 'context_length', None)"
    assert attributes(source) | attribute_texts(source) == {"fuse_method", "context_length"}
    assert {"fuse_method", "context_length"} <= foreign_names()


@pytest.mark.parametrize(
    "source, found",
    [
        ("a.fuse_method", "fuse_method"),
        ("a.current_pia_input = None", "current_pia_input"),
        ("a.b().orig_mult_multival", "orig_mult_multival"),
        ("a.comfy_has_chunked_io", "comfy_has_chunked_io"),
        ("getattr(a, 'mult', 1)", "mult"),
        ("hasattr(a, 'mode')", "mode"),
        ("setattr(a, 'tune', None)", "tune"),
        ("delattr(a, 'extras')", "extras"),
        ("fields(a)['mode']", "mode"),
        ("a['current_scale'] = 1", "current_scale"),
        ("fields(a).get('indexes')", "indexes"),
        ("match a:\n    case Options(fuse_method=x):\n        pass", "fuse_method"),
        ("match a:\n    case {'keyframe': x}:\n        pass", "keyframe"),
        ("def f():\n    return lambda: a.view_options", "view_options"),
    ],
)
def test_each_way_to_read_past_a_kind_is_found(source, found):
    assert read_past(source) == {found}


@pytest.mark.parametrize(
    "source",
    ["a.mode", "a.extras", "a['samples']", "'fuse_method'", "KIND.read(a, 'fuse_method')", "dict(mode=1)"],
)
def test_words_of_ours_are_not(source):
    assert read_past(source) == set()


@pytest.mark.parametrize(
    "source, found",
    [
        ("model.get_attachment('ADE_params')", {"ADE_params"}),
        ("options['transformer_options']['ADGS']", {"ADGS"}),
        ("name = 'sample_sigmas'", {"sample_sigmas"}),
        ("f'{a}easycache'", {"easycache"}),
        ("'the ADE node'; ADGS", set()),
    ],
)
def test_a_keys_text_is_found_wherever_it_stands(source, found):
    assert keys_in(source) == found


@pytest.mark.parametrize("text", ["name", "'fuse' + '_method'", "f'fuse_{what}'", "FIELDS[0]", "KEY.name"])
def test_a_computed_name_is_found(text):
    assert len(computed(f"getattr(a, {text}, getattr(b, 'c', None))")) == 1
