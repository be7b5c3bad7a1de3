"""The words of a query: from the address, or from the body of a SEARCH, into one form. What is not known is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from werkzeug.datastructures import MultiDict

from api import cost
from api.answers import wrong_query

LISTS = frozenset({"fields", "sort", "groupBy", "meta"})
OBJECTS = frozenset({"filter", "deep", "aggregate", "alias"})
SCALARS = frozenset({"search", "limit", "offset", "page", "cursor", "export", "lang"})
KNOWN = LISTS | OBJECTS | SCALARS
METAS, FORMATS, LANGUAGES = ("total_count", "filter_count"), ("csv", "json", "xlsx"), ("zh", "en")
ALL = -1
_BRACKETED = re.compile(r"([A-Za-z]+)((?:\[[^\[\]]{0,80}\])+)")


@dataclass(frozen=True)
class Query:
    """What is asked, checked for its form; whether the fields exist is for whoever reads it."""

    fields: tuple[str, ...] = ("*",)
    filter: Mapping[str, Any] = field(default_factory=dict)
    search: str = ""
    sort: tuple[str, ...] = ()
    limit: int = cost.DEFAULT_ROWS
    offset: int = 0
    meta: tuple[str, ...] = ()
    aggregate: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    group_by: tuple[str, ...] = ()
    deep: Mapping[str, Any] = field(default_factory=dict)
    alias: Mapping[str, str] = field(default_factory=dict)
    cursor: str | None = None
    export: str = ""


def of_address(arguments: MultiDict[str, str], allowed: Iterable[str] = KNOWN) -> Query:
    found: dict[str, Any] = {}
    for key, values in arguments.lists():
        bracketed = _BRACKETED.fullmatch(key)
        name = bracketed[1] if bracketed else key
        if name not in allowed or (bracketed and name in SCALARS):
            raise wrong_query(f"没有“{key[:60]}”这个查询参数", f"There is no query parameter “{key[:60]}”")
        if name in LISTS:
            found.setdefault(name, []).extend(part for value in values for part in value.split(","))
        elif bracketed:
            _put(found.setdefault(name, {}), re.findall(r"\[(.*?)\]", bracketed[2]), values, name)
        elif len(values) > 1 or name in found:
            raise _twice(name)
        else:
            found[name] = _object(name, values[0]) if name in OBJECTS else values[0]
    return of_object({name: _listed(value) for name, value in found.items()}, allowed)


def _twice(name: str) -> Exception:
    return wrong_query(f"“{name}”给了两次", f"“{name}” is given twice")


def _object(name: str, text: str) -> Any:
    """`alias[v]=visits` comes in brackets, the others mostly as JSON; an empty one asks nothing."""
    if not text:
        return {}
    try:
        return json.loads(text, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        raise wrong_query(f"“{name}”不是有效的 JSON", f"“{name}” is not valid JSON") from None


def _put(place: Any, keys: list[str], values: list[str], name: str) -> None:
    """`filter[dealer][province][_eq]=x` and `[_in][]=a`: one step into the object per bracket."""
    if len(keys) > 2 * cost.DEPTH:
        raise wrong_query(f"“{name}”嵌套太深", f"“{name}” is nested too deeply")
    for key in keys[:-1]:
        if not isinstance(place, dict):
            raise _twice(name)
        place = place.setdefault(key, {})
    if not isinstance(place, dict) or (keys[-1] in place and keys[-1] != ""):
        raise _twice(name)
    place[keys[-1]] = values if keys[-1] == "" else values[0] if len(values) == 1 else values


def _listed(value: Any) -> Any:
    """Objects whose keys are 0, 1, 2 or empty were lists before they came into an address."""
    if not isinstance(value, dict):
        return value
    if value and all(key == "" or key.isdecimal() for key in value):
        parts = [_listed(part) for key, part in value.items()]
        return parts[0] if list(value) == [""] else parts
    return {key: _listed(part) for key, part in value.items()}


def of_object(given: Any, allowed: Iterable[str] = KNOWN) -> Query:
    """The same from JSON."""
    if not isinstance(given, dict):
        raise wrong_query("查询应为一个对象", "A query is an object")
    if unknown := sorted(set(given) - set(allowed)):
        raise wrong_query(f"没有“{unknown[0][:60]}”这个查询参数", f"There is no query parameter “{unknown[0][:60]}”")
    if given.get("lang", "zh") not in LANGUAGES:
        raise wrong_query("lang 应为 zh 或 en", "lang is zh or en")
    unsaid = ALL if given.get("export") else cost.DEFAULT_ROWS   # a file that ends after a hundred rows would deceive
    limit = _whole("limit", given.get("limit", unsaid), ALL, cost.MOST_ROWS)
    return Query(
        fields=_words("fields", given.get("fields")) or ("*",), filter=_mapping("filter", given.get("filter")),
        search=_text("search", given.get("search")), sort=_words("sort", given.get("sort")),
        limit=limit, offset=_offset(given, limit), meta=_metas(given.get("meta")),
        aggregate=_aggregate(given.get("aggregate")), group_by=_words("groupBy", given.get("groupBy")),
        deep=_mapping("deep", given.get("deep")), alias=_alias(given.get("alias")),
        cursor=_text("cursor", given["cursor"]) if "cursor" in given else None, export=_export(given.get("export")))


def _whole(name: str, raw: Any, least: int, most: int) -> int:
    text = str(raw)
    if isinstance(raw, bool) or not re.fullmatch(r"-?[0-9]{1,9}", text) or not least <= int(text) <= most:
        raise wrong_query(f"{name} 应为 {least} 至 {most} 的整数", f"{name} is a whole number from {least} to {most}")
    return int(text)


def _offset(given: Mapping[str, Any], limit: int) -> int:
    if "page" in given and "offset" in given:
        raise wrong_query("page 与 offset 只能用一个", "Use page or offset, not both")
    if "page" in given:
        page = _whole("page", given["page"], 1, cost.MOST_OFFSET)
        return min((page - 1) * max(limit, 0), cost.MOST_OFFSET)
    return _whole("offset", given.get("offset", 0), 0, cost.MOST_OFFSET)


def _words(name: str, raw: Any) -> tuple[str, ...]:
    if raw is None:
        return ()
    parts = raw.split(",") if isinstance(raw, str) else raw
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise wrong_query(f"{name} 应为文字列表", f"{name} is a list of words")
    if len(parts) > cost.MOST_FIELDS:
        raise wrong_query(f"{name} 太多", f"{name} has too many entries")
    return tuple(part.strip() for part in parts if part.strip())


def _mapping(name: str, raw: Any) -> Mapping[str, Any]:
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        raise wrong_query(f"{name} 应为对象", f"{name} is an object")
    return raw


def _text(name: str, raw: Any) -> str:
    if raw is None:
        return ""
    if not isinstance(raw, str) or len(raw) > cost.LONGEST_TEXT or "\x00" in raw:
        raise wrong_query(f"{name} 应为不太长的文字", f"{name} is a text that is not too long")
    return raw


def _metas(raw: Any) -> tuple[str, ...]:
    words = _words("meta", raw)
    if "*" in words:
        return METAS
    if strange := [word for word in words if word not in METAS]:
        raise wrong_query(f"meta 没有“{strange[0][:60]}”", f"meta knows no “{strange[0][:60]}”")
    return words


def _aggregate(raw: Any) -> Mapping[str, tuple[str, ...]]:
    return {name: _words("aggregate", fields) for name, fields in _mapping("aggregate", raw).items()}


def _alias(raw: Any) -> Mapping[str, str]:
    given = _mapping("alias", raw)
    if not all(isinstance(name, str) and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,59}", key) for key, name in given.items()):
        raise wrong_query("alias 应为“新名: 字段”", "alias is an object of new name: field")
    return given


def _export(raw: Any) -> str:
    if raw is not None and raw not in FORMATS:
        raise wrong_query("export 应为 csv、json 或 xlsx", "export is csv, json or xlsx")
    return raw or ""
