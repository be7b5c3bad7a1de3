"""The fields of a query as a tree: what is read of the records, of their tables, and of what they point at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from api import cost, functions
from api.answers import forbidden, wrong_query
from api.cost import Budget
from api.shapes import POINTING, Shape, Shapes
from models.spec import Field, Lines

DEEP_WORDS = frozenset({"_filter", "_sort", "_limit", "_offset", "_page", "_search"})


@dataclass
class Node:
    """One level: columns of its own, targets of its links, and its tables, each under the name it is asked for."""

    shape: Shape
    columns: dict[str, Field] = field(default_factory=dict)
    called: dict[str, tuple[str, str]] = field(default_factory=dict)          # key -> (function, field)
    targets: dict[str, tuple[Field, Node]] = field(default_factory=dict)
    tables: dict[str, tuple[Lines, Node]] = field(default_factory=dict)
    deep: Mapping[str, Any] = field(default_factory=dict)


class Planter:
    """Makes the tree of one reader; a name that is not theirs to read is refused."""

    def __init__(self, shapes: Shapes, budget: Budget) -> None:
        self.shapes, self.budget = shapes, budget

    def tree(self, shape: Shape, paths: Iterable[str], deep: Mapping[str, Any], alias: Mapping[str, str]) -> Node:
        for name in alias.values():
            if name not in shape.fields and name not in shape.lines:
                raise forbidden()
        return self._grow(shape, [path.split(".") for path in paths], deep, alias, 0)

    def _grow(self, shape: Shape, paths: list[list[str]], deep: Mapping[str, Any], alias: Mapping[str, str],
              depth: int) -> Node:
        node = Node(shape, deep={key: value for key, value in deep.items() if key.startswith("_")})
        rest: dict[str, list[list[str]]] = {}
        for head, *more in paths:
            self.budget.part()
            if head == "*":
                self._all(node, rest, more, depth)
            elif more:
                rest.setdefault(head, []).append(more)
            else:
                self._one(node, rest, head, alias)
        for key, tails in rest.items():
            self._follow(node, key, alias.get(key, key), tails, deep.get(key) or {}, depth)
        if strange := [key for key in deep if not key.startswith("_") and key not in rest]:
            raise wrong_query(f"deep 中的“{strange[0][:60]}”没有被读取", f"deep names “{strange[0][:60]}”, which is not read")
        return node

    def _all(self, node: Node, rest: dict[str, list[list[str]]], more: list[str], depth: int) -> None:
        """`*` is all that the reader may see of a record with the rows of its tables, or of a row or target; `*.*`
        also what the links point at."""
        node.columns |= {name: found for name, found in node.shape.fields.items() if name not in node.columns}
        if depth == 0:
            for name in node.shape.lines:
                rest.setdefault(name, []).append(more or ["*"])
        if more:
            for name, found in node.shape.fields.items():
                if found.kind in POINTING and self.shapes.of_target(found) is not None:
                    rest.setdefault(name, []).append(more)

    def _one(self, node: Node, rest: dict[str, list[list[str]]], key: str, alias: Mapping[str, str]) -> None:
        name = alias.get(key, key)
        if called := functions.call(name):
            node.called[f"{called[1]}_{called[0]}"] = called
        elif name in node.shape.lines:
            rest.setdefault(key, []).append(["*"])
        elif name in node.shape.fields:
            node.columns[key] = node.shape.fields[name]
        else:
            raise forbidden()

    def _follow(self, node: Node, key: str, name: str, tails: list[list[str]], deep: Any, depth: int) -> None:
        self.budget.table(depth + 1)
        if not isinstance(deep, Mapping):
            raise wrong_query("deep 应为对象", "deep is an object")
        spec = node.shape.spec
        if name in node.shape.lines and spec is not None:
            child = node.shape.lines[name]
            if strange := [word for word in deep if word.startswith("_") and word not in DEEP_WORDS]:
                raise wrong_query(f"deep 没有“{strange[0][:40]}”", f"deep knows no “{strange[0][:40]}”")
            node.tables[key] = child, self._grow(self.shapes.of_lines(spec, child), tails, deep, {}, depth + 1)
            return
        found = node.shape.fields.get(name)
        target = self.shapes.of_target(found) if found is not None and found.kind in POINTING else None
        if found is None or target is None:
            raise forbidden()
        if any(word.startswith("_") for word in deep):
            raise wrong_query("deep 只用于子表", "deep is for child tables")
        node.columns.pop(key, None)
        node.targets[key] = found, self._grow(target, tails, deep, {}, depth + 1)


def depth_of(paths: Iterable[str]) -> int:
    return max((path.count(".") for path in paths), default=0)


def check_paths(paths: Iterable[str]) -> None:
    """Wildcards multiply: those that reach too deep are refused before they are followed."""
    if depth_of(paths) > cost.DEPTH:
        raise wrong_query(f"字段嵌套超过 {cost.DEPTH} 层", f"Fields are nested deeper than {cost.DEPTH}")
