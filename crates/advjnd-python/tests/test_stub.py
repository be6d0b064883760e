# SPDX-License-Identifier: MIT OR Apache-2.0
"""advjnd.pyi says what the module has: names, parameters, defaults and documentation."""

import ast
import inspect
from pathlib import Path

import advjnd
import pytest

STUB = ast.parse((Path(__file__).parents[1] / "advjnd.pyi").read_text())
FUNCTIONS = [node for node in STUB.body if isinstance(node, ast.FunctionDef)]
CLASSES = [node for node in STUB.body if isinstance(node, ast.ClassDef)]


def documented(node):
    return " ".join((ast.get_docstring(node) or "").split())


def told(thing):
    return " ".join((inspect.getdoc(thing) or "").split())


def parameters(node):
    """Names and defaults, of those by place and of those by keyword."""
    own = [argument for argument in node.args.args if argument.arg != "self"]
    defaults = [None] * (len(own) - len(node.args.defaults)) + node.args.defaults
    by_place = zip(own, defaults, strict=True)
    by_keyword = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
    return [
        [(argument.arg, default and ast.literal_eval(default)) for argument, default in pairs]
        for pairs in (by_place, by_keyword)
    ]


def real(thing):
    found = [item for item in inspect.signature(thing).parameters.values() if item.name != "self"]
    pairs = {True: [], False: []}
    for item in found:
        default = None if item.default is inspect.Parameter.empty else item.default
        pairs[item.kind is item.KEYWORD_ONLY].append((item.name, default))
    return [pairs[False], pairs[True]]


def test_names():
    stub = {node.name for node in FUNCTIONS + CLASSES} | {"__version__"}
    own = {name for name in dir(advjnd) if not name.startswith("__") and name != "advjnd"} | {"__version__"}
    assert own == stub


def test_the_module_is_described():
    assert documented(STUB) == told(advjnd.advjnd)


@pytest.mark.parametrize("node", FUNCTIONS, ids=lambda node: node.name)
def test_functions(node):
    function = getattr(advjnd, node.name)
    assert parameters(node) == real(function)
    assert documented(node) == told(function)


@pytest.mark.parametrize("node", CLASSES, ids=lambda node: node.name)
def test_classes(node):
    cls = getattr(advjnd, node.name)
    assert documented(node) == told(cls)
    methods = {item.name: item for item in node.body if isinstance(item, ast.FunctionDef)}
    assert {name for name in vars(cls) if not name.startswith("__")} == {n for n in methods if not n.startswith("__")}
    for name, method in methods.items():
        if name == "__init__":
            assert parameters(method) == real(cls)
        elif not name.startswith("__"):
            found = getattr(cls, name)
            assert documented(method) == told(found), name
            if inspect.isroutine(found):
                assert parameters(method) == real(found)
