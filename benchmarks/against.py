"""A million sheets: what people do with them, beside the floor and beside what other offices would be built on."""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any
from urllib.parse import urlencode

import sqlalchemy as sa
from flask import Flask, redirect, render_template

from benchmarks import company, floor, measure, million, place
from benchmarks.plans import Check, noted
from models.base import Record, db, reading
from models.spec import Period
from rules import office

TYPE = million.TYPE
LIST_AIM, SEARCH_AIM, CSV_AIM, GROWTH_AIM, TIMES_AIM = 2.0, 3.0, 1.6, 40, 5.0
RIVALS = Path(__file__).with_name("rivals")
WORD, STATE, MONTH = "异响", "disposed", "2026-09"
KINDS = {sa.Boolean: "bool", sa.Integer: "int", sa.DateTime: "datetime", sa.Date: "date", sa.Text: "text"}
# A new sheet, as the form sends it; the rivals' forms take it under the names of columns.
SHEET = {"received_at": "2026-09-30T10:00", "intake_unit": "quality", "customer": "1", "contact_person": "王经理",
         "phone": "13800000000", "province": "重庆市", "product_name": "搅拌车", "batch_no": "B00001", "quantity": "1",
         "fault_category": "", "fault_description": "停机后仍有异响", "direct_loss": "0"}


@dataclass(frozen=True)
class Ask:
    """One thing that people do: its address here and there, and how much more than the floor it may take."""

    name: str
    ours: str
    django: str | None = None
    flask_admin: str | None = None
    most: float | None = None
    times: float | None = None
    django_more: dict[str, Any] = field(default_factory=dict)
    flask_admin_more: dict[str, Any] = field(default_factory=dict)


def asks(last: int) -> list[Ask]:
    deep = max(1, min(1000, last // 50))
    first, behind = (f"{moment:%Y-%m-%d %H:%M:%S}" for moment in office.bounds(Period.parse(MONTH)))
    month = {"state__exact": STATE, "received_at__gte": f"{first}+00:00", "received_at__lt": f"{behind}+00:00"}
    filters = [["state", "FilterEqual", STATE], ["received_at", "DateTimeBetweenFilter", f"{first} to {behind}"]]
    return [
        Ask("list, page 1", "", "", "", LIST_AIM, TIMES_AIM),
        Ask(f"list, page {deep:,}", f"?page={deep}", f"?p={deep}", f"?page={deep - 1}", LIST_AIM, TIMES_AIM),
        Ask("list, state and month", f"?state={STATE}&received_at={MONTH}", "?" + urlencode(month), "", LIST_AIM, TIMES_AIM,
            flask_admin_more={"filters": filters}),
        Ask("list, by customer", "?sort=customer", "?o=3", "?sort=2", LIST_AIM, TIMES_AIM),
        Ask("list, contains a word", f"?q={WORD}", f"?q={WORD}", f"?search={WORD}", SEARCH_AIM, TIMES_AIM),
        Ask("list, fragment of a number", "?q=09-0123", "?q=09-0123", "?search=09-0123", SEARCH_AIM, TIMES_AIM),
        Ask("everywhere, a word", f"/admin/search/?q={WORD}", most=SEARCH_AIM),
        Ask("everywhere, fragment of a number", "/admin/search/?q=09-0123", most=SEARCH_AIM),
        Ask("the first page", "/admin/"),
        Ask("details", f"details/?id={last - 7}", f"{last - 7}/change/", f"details/?id={last - 7}"),
        Ask("create form", "new/", "add/", "new/"),
    ]


def run(app: Any, folder: Path, asked: argparse.Namespace) -> tuple[list[str], bool]:
    with app.app_context():
        seconds = place.make(folder, f"{asked.rows:,} sheets and their words", lambda: million.fill(asked.rows))
        with reading():
            checks = list(million.checks(asked.rows))
            user = db.session.scalar(sa.select(company.User).where(company.User.username == company.SOMEBODY))
            key, url, engine, last = user.get_id(), db.engine.url, db.engine, million.size(asked.rows)
            db.session.remove()
        machine = place.machine(asked, f"{asked.requests} requests each, fewer of what takes seconds")
    client = app.test_client()
    with client.session_transaction() as session:
        session.permanent = True
        session["_user_id"], session["_fresh"], session["language"] = key, True, "zh"
    bed = Bed(client, engine, sa.create_engine(url), asked)
    rows = [_measured(bed, ask) for ask in asks(last)] + [_creation(bed)]
    checks += [_one_found(client)]
    export = _export(bed)
    bed.bare_engine.dispose()
    engine.dispose()
    others = {} if asked.alone else _rivals(url, asked, last)
    report = [machine, *([f"Filled in {seconds:.0f} s, the search index included."] if seconds else []), "",
              *_table(rows, asks(last), others), "", *export, "",
              *(f"- {'yes' if check.holds else 'NO'}: {check.promise} ({check.seen})" for check in checks)]
    return report, all(check.holds for check in checks)


@dataclass(frozen=True)
class Bed:
    ours: Any
    engine: sa.Engine
    bare_engine: sa.Engine
    asked: argparse.Namespace


@dataclass(frozen=True)
class Row:
    name: str
    ours: measure.Times
    floor: measure.Times
    statements: int


# Here and at the floor --------------------------------------------------------------------------------------------

def _measured(bed: Bed, ask: Ask) -> Row:
    address = ask.ours if ask.ours.startswith("/") else f"/admin/{TYPE}/{ask.ours}"

    def ours() -> None:
        answer = bed.ours.get(address)
        assert answer.status_code == 200, f"{address}: {answer.status}"
    ours()
    with noted(bed.engine) as sent:
        ours()
    bare = _bare(bed.bare_engine, [one for one in sent if "memberships" not in one[0]]).test_client()
    mine, least = measure.alternately(ours, lambda: bare.get("/"), _count(ours, bed.asked))
    return Row(ask.name, mine, least, len(sent))


def _count(request: Callable[[], Any], asked: argparse.Namespace) -> int:
    """As many requests as are asked for, fewer where one takes long."""
    start = perf_counter()
    request()
    return int(max(5, min(asked.requests, asked.seconds / (perf_counter() - start))))


def _bare(engine: sa.Engine, statements: list[tuple[str, Any]]) -> Flask:
    """The statements of a page but for who is there, and one template."""
    app = Flask("benchmarks.floor", root_path=str(Path(__file__).parent))

    @app.route("/")
    def table() -> str:
        with reading(), engine.connect() as connection:
            found = [connection.exec_driver_sql(statement, parameters).all() for statement, parameters in statements]
            return render_template("table.html", labels=[], rows=max(found, key=len, default=[]), total=0)
    return app


def _creation(bed: Bed) -> Row:
    """The floor writes one row and commits; ours checks, numbers, audits and indexes it, and starts its clocks."""
    page = bed.ours.get(f"/admin/{TYPE}/new/").text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    fault = re.search(r'name="fault_category".*?value="([^"]+)"', page, re.DOTALL)
    posted = {**SHEET, "fault_category": fault[1] if fault else "", "csrf_token": token[1] if token else ""}

    def ours() -> None:
        answer = bed.ours.post(f"/admin/{TYPE}/new/", data=posted)
        assert answer.status_code == 302, _problems(answer.text)
    ours()
    with noted(bed.engine) as sent:
        ours()
    bare = _bare_creation(bed.bare_engine).test_client()
    return Row("create", *measure.alternately(ours, lambda: bare.post("/"), bed.asked.requests // 2), len(sent))


def _problems(page: str) -> list[str]:
    return re.findall(r'class="error-text"[^>]*>([^<]+)|class="message error"[^>]*>(.*?)</div>', page, re.DOTALL)


def _bare_creation(engine: sa.Engine) -> Flask:
    app, table = Flask("benchmarks.floor"), Record.types[TYPE].model.__table__
    with engine.connect() as connection:
        row = dict(connection.execute(sa.select(table).order_by(table.c.id).limit(1)).mappings().one())
    del row["id"]

    @app.route("/", methods=["POST"])
    def create() -> Any:
        with engine.begin() as connection:
            connection.execute(sa.insert(table), {**row, "number": f"FLOOR-{perf_counter():.9f}"})
        return redirect("/")
    return app


def _one_found(client: Any) -> Check:
    found = client.get(f"/admin/search/?q=QI-{MONTH.replace('-', '')}-000123").text.count('class="found-name"')
    return Check("a number is found, and nothing else", found == 1, f"{found} found")


def _export(bed: Bed) -> Iterator[str]:
    bare = floor.create_floor(bed.bare_engine, Record.types[TYPE], {}).test_client()
    mine, least = [], []
    for _ in range(bed.asked.exports):
        mine.append(measure.streamed(bed.ours, f"/admin/{TYPE}/export/csv/"))
        least.append(measure.streamed(bare, "/csv"))
    if not mine:
        return
    yield from place.exports(mine, least, bed.asked.rows, CSV_AIM, GROWTH_AIM)


# The rivals -------------------------------------------------------------------------------------------------------

def _rivals(url: sa.URL, asked: argparse.Namespace, last: int) -> dict[str, dict[str, Any]]:
    """Name -> what the program of that rival told."""
    task = {"table": TYPE, "tables": _tables(url), "columns": [*Record.types[TYPE].list], "searched": [*Record.types[TYPE].search],
            "shown": _shown(), "requests": asked.requests, "seconds": asked.seconds, "url": str(url), "database": _django_database(url)}
    found = {}
    if asked.django:
        found["Django admin"] = _told(asked.django, "django_admin.py", task, {
            ask.name: {"address": ask.django, **ask.django_more} for ask in asks(last) if ask.django is not None} | {"create": _posting(
                "add/", {"received_at_0": "2026-09-30", "received_at_1": "10:00:00", "created_at_0": "2026-09-30",
                         "created_at_1": "10:00:00", "updated_at_0": "2026-09-30", "updated_at_1": "10:00:00"}, "customer")})
    told = [ask for ask in asks(last) if ask.flask_admin is not None]
    stock = {ask.name: {"address": ask.flask_admin, **ask.flask_admin_more} for ask in told} | {"create": _posting(
        "new/", {"received_at": "2026-09-30 10:00:00", "created_at": "2026-09-30 10:00:00", "updated_at": "2026-09-30 10:00:00"},
        "customer")}
    found["Flask-Admin"] = _told(Path(sys.executable), "flask_admin_stock.py", task, stock)
    return {name: told for name, told in found.items() if told}


def _posting(address: str, moments: dict[str, str], customer: str) -> dict[str, Any]:
    kept = {name: value for name, value in SHEET.items() if name not in ("received_at", "customer")}
    return {"address": address, "posted": {**kept, **moments, customer: "1", "fault_category": "other", "state": "registered",
                                           "revision": "1", "content_hash": "-", "audit_head": "-"}}


def _told(python: Path, program: str, task: dict[str, Any], asks: dict[str, Any]) -> dict[str, Any]:
    done = subprocess.run([python, RIVALS / program], input=json.dumps({**task, "asks": asks}), text=True, capture_output=True)
    if done.returncode:
        print(f"{program}: {done.stderr[-3000:]}", file=sys.stderr)
        return {}
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def _tables(url: sa.URL) -> dict[str, Any]:
    """What Django is told of the tables: all columns of the sheets, of others their names."""
    found: dict[str, Any] = {}
    main = Record.types[TYPE].model.__table__
    links = {key.column.table for column in main.c for key in column.foreign_keys}
    for table in (*sorted(links, key=str), main):
        spec = Record.types.get(table.name)
        shown = (spec.fields[spec.title].column if spec and spec.title else "number") if spec else "name"
        columns = [_column(c, url) for c in table.c if table is main or c.name in ("id", shown)]
        found[table.name] = {"shown": shown, "columns": columns}
    return found


def _shown() -> dict[str, str]:
    """Of the links in the list, the column that they show."""
    fields = {name: Record.types[TYPE].fields.get(name) for name in Record.types[TYPE].list}
    targets = {name: Record.types[field.to] for name, field in fields.items() if field and field.to}
    return {name: target.fields[target.title].column if target.title else "number" for name, target in targets.items()}


def _column(column: sa.Column[Any], url: sa.URL) -> dict[str, Any]:
    type_ = getattr(column.type, "impl_instance", column.type)
    is_whole = isinstance(type_, sa.Numeric) and url.drivername == "sqlite"   # kept as scaled integers
    kind = "int" if is_whole else "decimal" if isinstance(type_, sa.Numeric) else next(
        (word for cls, word in KINDS.items() if isinstance(type_, cls)), "char")
    link = next(iter(column.foreign_keys), None)
    return {"name": column.name, "kind": kind, "length": getattr(type_, "length", None), "places": getattr(type_, "scale", None),
            "empty": bool(column.nullable), "to": link.column.table.name if link else None}


def _django_database(url: sa.URL) -> dict[str, Any]:
    if url.drivername.startswith("sqlite"):
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": url.database}
    return {"ENGINE": "django.db.backends.postgresql", "NAME": url.database, "USER": url.username, "PASSWORD": url.password or "",
            "HOST": url.host or url.query.get("host", ""), "PORT": url.port or url.query.get("port", ""), "CONN_MAX_AGE": None}


# The table --------------------------------------------------------------------------------------------------------

def _table(rows: list[Row], known: list[Ask], others: dict[str, dict[str, Any]]) -> Iterator[str]:
    names = [f"{name} ({told['version'].split()[-1]})" for name, told in others.items()]
    yield "| request | statements | ours p50 | ours p95 | floor p50 | ratio | of work | aim | " + "".join(
        f"{name} p50 | times ours | " for name in names)
    yield "|---|--:|--:|--:|--:|--:|--:|---|" + "--:|--:|" * len(names)
    by_name = {ask.name: ask for ask in known}
    for row in rows:
        ask = by_name.get(row.name)
        mine, least = measure.at(50, row.ours.wall), measure.at(50, row.floor.wall)
        aim = place.aim(mine / least, ask.most) if ask and ask.most else ""
        line = [row.name, str(row.statements), _ms(mine), _ms(measure.at(95, row.ours.wall)), _ms(least), f"{mine / least:.2f}",
                f"{measure.at(50, row.ours.work) / measure.at(50, row.floor.work):.2f}", aim]
        for told in others.values():
            theirs = sorted(told["seconds"].get(row.name, []))
            middle = theirs[len(theirs) // 2] if theirs else 0.0
            line += [_ms(middle), f"{middle / mine:.1f}"] if theirs else ["", ""]
        yield "| " + " | ".join(line) + " |"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:,.1f} ms"
