"""`/server/specs/oas`: the whole API as OpenAPI 3.1, for the person who asks: what they may not do is not in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import Response, request

from api import cost, door, parameters, schemas
from api.described import types
from api.door import blueprint
from api.shapes import record_fields
from jobs import kpis, reports
from models.spec import AREAS, RecordType
from rules import access, areas

ABOUT = ("按单据类型读写记录的接口（Directus 方言）。所有操作与页面遵守同一套规则。\n\n"
         "Records over HTTP in the dialect of Directus, by the same rules as the pages. Long queries: method SEARCH on "
         "/items/{type} with the body {\"query\": {...}}. Filters go through links and child tables; fields are nested "
         "with dots.")
ERRORS = {
    "400": "查询或内容有误 · INVALID_QUERY, INVALID_PAYLOAD, FAILED_VALIDATION, RECORD_NOT_UNIQUE, INVALID_FOREIGN_KEY",
    "401": "令牌无效或过期 · INVALID_CREDENTIALS, TOKEN_EXPIRED", "403": "没有、看不到或不允许 · FORBIDDEN",
    "405": "没有这种操作方式 · METHOD_NOT_ALLOWED",
    "412": "版本已变 · PRECONDITION_FAILED", "413": "内容太大 · CONTENT_TOO_LARGE",
    "415": "内容类型不对 · UNSUPPORTED_MEDIA_TYPE", "429": "请求太多 · REQUESTS_EXCEEDED",
    "503": "数据库忙或不可用 · SERVICE_UNAVAILABLE"}
ERROR = {"type": "object", "required": ["errors"], "properties": {"errors": {"type": "array", "items": {
    "type": "object", "required": ["message", "extensions"], "properties": {
        "message": {"type": "string"}, "extensions": {"type": "object", "required": ["code"], "properties": {
            "code": {"type": "string"}, "reason": {"type": "string"}, "field": {"type": "string"},
            "index": {"type": "integer"}}}}}}},
    "examples": [{"errors": [{"message": "请填写“计划名称”",
                              "extensions": {"code": "FAILED_VALIDATION", "field": "title"}}]}]}
LANG = {"name": "lang", "in": "query", "description": "语言 · language", "schema": {"enum": list(parameters.LANGUAGES)}}
ID = {"name": "id", "in": "path", "required": True, "schema": schemas.ID}
IF_MATCH = {"name": "If-Match", "in": "header", "description": "所见版本，如 \"7\" · the revision that was seen",
            "schema": {"type": "string", "pattern": r'^"[0-9]{1,6}"$'}}
KEY = {"name": "Idempotency-Key", "in": "header", "description": "24 小时内同一请求只做一次 · done once within 24 hours",
       "schema": {"type": "string", "pattern": "^[A-Za-z0-9-]{1,60}$"}}

_documents: dict[tuple[Any, ...], dict[str, Any]] = {}


@blueprint.get("/server/specs/oas")
def oas() -> Response:
    parameters.of_address(request.args, ("lang",))
    return door.told(document(door.actor()))
KPI_WORDS = {"period": "期间，如 2026-10、2026-Q4、2026 · period", "dealer": "服务商代码 · code of a dealer",
             "unit": "部门代码 · code of a department"}


def document(actor: access.Actor) -> dict[str, Any]:
    """The same for everybody with the same roles."""
    known = tuple(types())
    key = (actor.roles, areas.off(), tuple(spec.model for spec in known))
    if key not in _documents:
        _documents[key] = _document(actor, known)
    return _documents[key]


def _document(actor: access.Actor, known: tuple[RecordType, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {"errors": ERROR}
    paths: dict[str, Any] = {}
    for spec in known:
        found[spec.name] = schemas.record(spec, actor)
        found[f"{spec.name}_filter"] = schemas.filters(spec, actor, found)
        found[f"{spec.name}_new"] = schemas.entered(spec, is_new=True)
        found[f"{spec.name}_change"] = schemas.entered(spec, is_new=False)
        paths |= dict(_of_type(spec, actor))
    return {
        "openapi": "3.1.0", "info": {"title": "Aftercare 售后管理后台", "version": "1", "description": ABOUT},
        "servers": [{"url": "/"}], "security": [{"token": []}, {"session": []}],
        "tags": [{"name": spec.name, "description": f"{AREAS[spec.area].zh} · {AREAS[spec.area].en}"} for spec in known],
        "paths": {**paths, **dict(_around(actor, known))},
        "components": {"schemas": found, "responses": {
            status: {"description": words, "content": {"application/json": {"schema": _ref("errors")}}}
            for status, words in ERRORS.items()}, "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "session",
                            "description": "写操作另须 X-CSRFToken · changes also need X-CSRFToken"}}}}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _operation(id_: str, summary: str, tag: str, answer: Any, *, status: str = "200", needs: tuple[Any, ...] = (),
               body: Any = None, also: dict[str, Any] | None = None) -> dict[str, Any]:
    content = {"description": "OK"} if answer is None else {
        "description": "OK", "content": {"application/json": {"schema": {
            "type": "object", "required": ["data"], "properties": {"data": answer}}}}}
    return {"operationId": id_, "summary": summary, "tags": [tag], "parameters": [*needs, LANG],
            **({"requestBody": {"required": True, "content": body}} if body else {}),
            "responses": {status: content, **(also or {}), **{
                code: {"$ref": f"#/components/responses/{code}"} for code in ERRORS}}}


def _json(schema: Any) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _listed(name: str, items: Any, words: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": words, "style": "form", "explode": False,
            "schema": {"type": "array", "items": items, **more}}


def _whole(name: str, least: int, most: int, words: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": words,
            "schema": {"type": "integer", "minimum": least, "maximum": most}}


def _fields(spec: RecordType, actor: access.Actor) -> dict[str, Any]:
    names = ["*", "*.*", *record_fields(spec, actor), *spec.lines]
    return _listed("fields", {"anyOf": [{"enum": names}]}, "字段，可用点号嵌套 · nested with dots", minItems=1, maxItems=20)


def _query(spec: RecordType, actor: access.Actor) -> tuple[Any, ...]:
    sortable = [f"{sign}{name}" for name in record_fields(spec, actor) for sign in ("", "-")]
    return (
        _fields(spec, actor),
        {"name": "filter", "in": "query", "description": "条件 · conditions",
         "content": {"application/json": {"schema": _ref(f"{spec.name}_filter")}}},
        {"name": "search", "in": "query", "description": "查找 · words", "schema": {
            "type": "string"}},
        _listed("sort", {"enum": sortable}, "排序，- 为降序 · with - downwards", maxItems=4),
        _whole("limit", 0, cost.MOST_ROWS, "每页行数；-1 为全部（须有导出权） · rows; -1 for all needs the right to export"),
        _whole("offset", 0, cost.MOST_OFFSET, "跳过的行数 · rows to skip"),
        _listed("meta", {"enum": ["*", *parameters.METAS]}, "总数 · counts", maxItems=2))


def _of_type(spec: RecordType, actor: access.Actor) -> Iterator[tuple[str, dict[str, Any]]]:
    """The addresses of a type, as far as this person may use them."""
    name, letters = spec.name, access.letters(actor, spec)
    fields, one, many = _fields(spec, actor), _ref(name), {"type": "array", "items": _ref(name)}
    whole: dict[str, Any] = {"get": _operation(
        f"list_{name}", f"{spec.zh} 列表 · list", name, many, needs=_query(spec, actor))}
    single: dict[str, Any] = {"get": _operation(
        f"read_{name}", f"{spec.zh} 一条 · one", name, one, needs=(ID, fields))}
    unseen = {"204": {"description": "已办，但您看不到它 · done, but not yours to see"}}
    if access.may(actor, "create", spec):
        whole["post"] = _operation(
            f"create_{name}", f"新建{spec.zh} · create", name, {"anyOf": [one, many]}, needs=(fields, KEY), also=unseen,
            body=_json({"anyOf": [_ref(f"{name}_new"), {"type": "array", "items": _ref(f"{name}_new"), "minItems": 1,
                                                       "maxItems": cost.BATCH}]}))
    if "E" in letters:
        single["patch"] = _operation(f"change_{name}", f"修改{spec.zh} · change", name, one, needs=(ID, fields, IF_MATCH),
                                     body=_json(_ref(f"{name}_change")), also=unseen)
        whole["patch"] = _operation(f"change_many_{name}", f"成批修改{spec.zh} · change many", name, many,
                                    needs=(fields,), body=_json(_several(name)), also=unseen)
    single["delete"] = _operation(f"void_{name}", f"作废{spec.zh} · call off", name, None, status="204",
                                  needs=(ID, IF_MATCH), body=_json(_reason()))
    yield f"/items/{name}", whole
    yield f"/items/{name}/{{id}}", single
    yield f"/items/{name}/{{id}}/moves", {"get": _operation(
        f"moves_{name}", "可走的步骤 · its moves", name, {"type": "array", "items": {"type": "object"}}, needs=(ID,))}
    yield f"/items/{name}/{{id}}/moves/{{move}}", {"post": _move(spec, fields)}
    if spec.copies is not None:
        yield f"/items/{name}/{{id}}/copies", {"get": _operation(
            f"copies_{name}", "各份及签收 · its copies", name, {"type": "array", "items": {"type": "object"}}, needs=(ID,))}
        yield f"/items/{name}/{{id}}/copies/{{line}}/acknowledge", {"post": _operation(
            f"acknowledge_{name}", "签收一份 · sign for a copy", name, one, also=unseen,
            needs=(ID, {**ID, "name": "line"}, fields, IF_MATCH, KEY))}


def _several(name: str) -> dict[str, Any]:
    ids = {"type": "array", "items": schemas.ID, "minItems": 1, "maxItems": cost.BATCH, "uniqueItems": True}
    return {"type": "object", "properties": {"keys": ids, "data": _ref(f"{name}_change")},
            "required": ["keys", "data"], "additionalProperties": False,
            "description": "或带 id 的列表 · or a list of objects with their id"}


def _reason() -> dict[str, Any]:
    return {"type": "object", "properties": {"reason": {"type": "string", "maxLength": 200}}, "required": ["reason"],
            "additionalProperties": False}


def _move(spec: RecordType, fields: Any) -> dict[str, Any]:
    names = [move.name for move in spec.workflow.moves]
    words = "；".join(f"{move.name} {move.zh}" for move in spec.workflow.moves)
    body = {"type": "object", "additionalProperties": False, "properties": {
        "revision": {"type": "integer", "minimum": 0, "maximum": 999_999}, "comment": {"type": "string", "maxLength": 200},
        "fields": {"type": "object"}, "back_to": {"type": "string", "maxLength": 40}}}
    needs = (ID, {"name": "move", "in": "path", "required": True, "schema": {"enum": names}, "description": words},
             fields, KEY)
    return _operation(f"move_{spec.name}", f"{spec.zh} 走一步 · make a move", spec.name, _ref(spec.name), needs=needs,
                      body=_json(body), also={"204": {"description": "已办，但您看不到它 · done, but not yours to see"}})


# Getting in, and files --------------------------------------------------------------------------------------------

def _getting_in() -> Iterator[tuple[str, dict[str, Any]]]:
    mode, refresh = {"enum": ["json", "cookie"]}, {"type": "string", "minLength": 1, "maxLength": 100}
    pair = {"type": "object", "required": ["access_token", "expires"], "properties": {
        "access_token": {"type": "string"}, "refresh_token": {"type": "string"}, "expires": {"type": "integer"}}}
    word = {"type": "string", "minLength": 1, "maxLength": 200}
    doors = (("login", "登录 · sign in", {"email": word, "password": word, "mode": mode}, ["email", "password"], pair, "200"),
             ("refresh", "换新令牌 · a new pair", {"refresh_token": refresh, "mode": mode}, ["refresh_token"], pair, "200"),
             ("logout", "退出 · sign out", {"refresh_token": refresh, "mode": mode}, ["refresh_token"], None, "204"))
    for name, words, properties, needed, answer, status in doors:
        body = {"type": "object", "properties": properties, "required": needed}
        yield f"/auth/{name}", {"post": {**_operation(name, words, "auth", answer, status=status, body=_json(body)), "security": []}}
    yield "/users/me", {"get": _operation("me", "本人 · who asks", "auth", {"type": "object"})}


def _sent_as_form(properties: dict[str, Any], *needed: str) -> dict[str, Any]:
    return {"multipart/form-data": {"schema": {
        "type": "object", "additionalProperties": False, "required": ["file", *needed],
        "properties": {"file": {"type": "string", "contentMediaType": "application/octet-stream"}, **properties}}}}


def _files(kind: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    anything, number = {"type": "object"}, {"type": "string", "pattern": "^[0-9]{1,9}$"}
    in_query = [{"name": name, "in": "query", "required": True, "schema": one} for name, one in (("type", kind), ("record", number))]
    record_or_field = {"type": kind, "record": number, "field": {"type": "string", "maxLength": 60}}
    yield "/files", {
        "get": _operation("files", "一条记录的附件 · the files of a record", "files", {"type": "array", "items": anything},
                          needs=tuple(in_query)),
        "post": _operation("upload", "上传附件：type 加 record，或 type 加 field · with type and record, or type and field",
                           "files", anything, needs=(KEY,), body=_sent_as_form(record_or_field, "type"))}
    yield "/files/{id}", {"get": _operation("file", "附件 · a file", "files", anything, needs=(ID,)),
                          "delete": _operation("remove_file", "移除附件 · remove", "files", None, status="204", needs=(ID,))}
    yield "/assets/{id}", {"get": _content("asset", "附件内容 · its content", ID)}


def _content(id_: str, words: str, *needs: Any) -> dict[str, Any]:
    told = _operation(id_, words, "files", None, needs=needs)
    told["responses"]["200"] = {"description": "OK", "content": {"*/*": {"schema": {}}}}
    return told


def _in_and_out(brought: list[str], taken: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Whole files of records, for those who may bring in or take out any."""
    anything, yes = {"type": "object"}, {"enum": ["true", "false"]}
    if brought:
        of_type = {"name": "type", "in": "path", "required": True, "schema": {"enum": brought}}
        yield "/utils/import/{type}", {"post": _operation(
            "import", "导入 CSV、XLSX、JSON · bring in", "files", anything, needs=(of_type, KEY),
            body=_sent_as_form({"dry_run": yes, "skip_bad": yes}))}
    if taken:
        of_type = {"name": "type", "in": "path", "required": True, "schema": {"enum": taken}}
        body = {"type": "object", "additionalProperties": False, "required": ["format"], "properties": {
            "format": {"enum": list(parameters.FORMATS)}, "query": anything, "file": anything}}
        yield "/utils/export/{type}", {"post": _operation(
            "export", "后台导出 · a file by a job", "files", anything, status="202", needs=(of_type, KEY), body=_json(body))}
    yield "/utils/exports/{id}", {"get": _operation("export_run", "导出进度 · how far it is", "files", anything, needs=(ID,))}
    yield "/utils/exports/{id}/file", {"get": _content("export_file", "导出的文件 · the file", ID)}


def _kpis(actor: access.Actor) -> Iterator[tuple[str, dict[str, Any]]]:
    scope = tuple({"name": name, "in": "query", "description": said, "schema": {"type": "string", "maxLength": 60}}
                  for name, said in KPI_WORDS.items())
    offered = {"name": "name", "in": "path", "required": True,
               "schema": {"enum": [kpi.name for kpi in kpis.offered(actor)] or [""]}}
    yield "/kpis", {"get": _operation("kpis", "指标 · the department's figures", "reports",
                                      {"type": "array", "items": {"type": "object"}}, needs=scope)}
    yield "/kpis/{name}", {"get": _operation("kpi", "一个指标及其依据 · a figure and its records", "reports", {"type": "object"},
                                             needs=(offered, *scope))}


# Around the records -----------------------------------------------------------------------------------------------

def _around(actor: access.Actor, known: tuple[RecordType, ...]) -> Iterator[tuple[str, dict[str, Any]]]:
    things = {"type": "array", "items": {"type": "object"}}
    anything = {"type": "object"}
    names = [spec.name for spec in known]
    of_type = {"name": "type", "in": "path", "required": True, "schema": {"enum": names or [""]}}
    for path, words in (("/collections", "单据类型 · record types"), ("/fields", "字段 · fields"),
                        ("/relations", "关联 · relations")):
        yield path, {"get": _operation(f"all_{path[1:]}", words, "system", things)}
        answer = anything if path == "/collections" else things
        yield f"{path}/{{type}}", {"get": _operation(f"one_{path[1:]}", words, "system", answer, needs=(of_type,))}
    limits = (_whole("limit", 0, cost.MOST_ROWS, "每页行数 · rows"), _whole("offset", 0, cost.MOST_OFFSET, "跳过 · skip"))
    yield "/revisions", {"get": _operation("revisions", "每次改动 · every change", "system", things, needs=limits)}
    yield "/activity", {"get": _operation("activity", "谁做了什么 · who did what", "system", things, needs=limits)}
    yield "/server/info", {"get": _operation("info", "系统 · the house", "system", anything)}
    yield from _getting_in()
    yield from _files({"enum": names or [""]})
    yield from _in_and_out([spec.name for spec in known if {"C", "E"} & set(access.letters(actor, spec))],
                           [spec.name for spec in known if access.may(actor, "export", spec)])
    yield from _kpis(actor)
    asked = [report for report in reports.REPORTS.values() if reports.may_ask(actor, report)]
    if asked:
        name = {"name": "name", "in": "path", "required": True, "schema": {"enum": [report.name for report in asked]}}
        body = {"type": "object", "additionalProperties": False, "properties": {
            "period": {"type": "string", "examples": ["2026-10"]}, "dealer": {"type": "string"}, "plan": {"type": "string"},
            "reason": {"type": "string"}, "record": {"type": "string"}}}
        yield "/reports/{name}", {"post": _operation(
            "ask_report", "发起报表 · ask for a report", "reports", anything, status="202", needs=(name,), body=_json(body))}
    yield "/reports/runs/{id}", {"get": _operation("report_run", "报表进度与结果 · progress and result", "reports",
                                                   anything, needs=(ID,))}
