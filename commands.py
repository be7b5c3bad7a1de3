"""The `flask` commands: everything that is done at the console of the machine."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import click
import sqlalchemy as sa
from flask import Flask, current_app
from flask.cli import AppGroup
from flask_migrate import upgrade

from config import ConfigError
from jobs import backup, clock, imports, kpi_answers, outbox, reports, restore, supervisor, worker
from models.base import db, reading
from models.history import Outbox
from models.people import User
from models.reports import ReportRun
from models.settings import PARAMETERS
from models.spec import AREAS, Invalid, Period, RecordType, Refused, Text
from rules import (
    access, areas, audit, described, export_files, handbook, lists, office, parameters, passwords, people, registry, search,
    tokens, transfers,
)
from rules import reports as asking
from rules.act import Act
from rules.checks import Looks

users, audits, settings_, reporting = AppGroup("user"), AppGroup("audit"), AppGroup("parameter"), AppGroup("report")
switches, bearers, searching = AppGroup("area"), AppGroup("token"), AppGroup("search")
plain = AppGroup()


def init_app(app: Flask) -> None:
    for group in (users, audits, settings_, reporting, switches, bearers, searching):
        app.cli.add_command(group)
    for command in plain.commands.values():
        app.cli.add_command(command)


def language() -> str:
    return current_app.config["LANGUAGE"]


def _actor(username: str | None, door: str = "console") -> access.Actor:
    areas.look(db.session)
    if username is None:
        return access.Actor.system(door)
    user = db.session.scalar(sa.select(User).where(User.username == username, User.is_active))
    if user is None:
        _fail(Text(f"没有人员“{username}”", f"There is no person “{username}”"))
    return access.Actor.of(user, door, user.language or language())


def _fail(text: Text, code: int = 1) -> Any:
    click.echo(text.in_(language()), err=True)
    sys.exit(code)


@contextmanager
def _plainly() -> Iterator[None]:
    """A refusal at the console is a sentence and exit 1, never a traceback."""
    try:
        yield
    except Refused as refused:
        _fail(refused.reason)
    except Invalid as invalid:
        for path, text in invalid.errors.items():
            click.echo(f"{path}: {text.in_(language())}", err=True)
        sys.exit(1)


def _type(name: str) -> RecordType:
    spec = registry.type_named(name)
    return spec if spec is not None else _fail(Text(f"没有单据类型“{name}”", f"There is no record type “{name}”"), 2)


# People -----------------------------------------------------------------------------------------------------------

@users.command("create")
@click.argument("name")
@click.option("--role", "roles", multiple=True, required=True, help="A role; repeat for several.")
@click.option("--email")
@click.option("--dealer", help="Code of the dealer that a dealer or appraiser belongs to.")
@click.option("--unit", help="Department of a unit or unit_lead.")
@click.option("--display", help="The name that people read.", default="")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--service", is_flag=True, help="An account of a program: no password, it comes in by tokens only.")
def create_user(name: str, roles: tuple[str, ...], email: str | None, dealer: str | None, unit: str | None,
                display: str, password_stdin: bool, service: bool) -> None:
    """Create a person; without --password-stdin a random password is printed once."""
    if service:
        with _plainly():
            people.create_service(Act(db.session, _actor(None)), name, roles=roles, name=display, dealer=dealer, unit=unit)
            db.session.commit()
        click.echo(name)
        return
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else passwords.random_password()
    with _plainly():
        people.create(Act(db.session, _actor(None)), name, password, roles=roles, name=display, email=email,
                      dealer=dealer, unit=unit)
        db.session.commit()
    click.echo(f"{name} {'' if password_stdin else password}".strip())


# Tokens -----------------------------------------------------------------------------------------------------------

@bearers.command("create")
@click.argument("username", metavar="USER")
@click.option("--name", default="console", help="What it is for.")
@click.option("--days", type=int, help="How long it holds; without it until it is revoked.")
@click.option("--types", default="", help="Record types, with commas between; without it all that the person sees.")
@click.option("--verbs", default="", help="Of read,create,update,move,void,metrics; without it all that the person may.")
def create_token(username: str, name: str, days: int | None, types: str, verbs: str) -> None:
    """A token that speaks for a person; its text is printed once."""
    wish = tokens.Wish(name, days, tokens.words(types), tokens.words(verbs))
    user = db.session.scalar(sa.select(User).where(User.username == username))
    with _plainly():
        _, text = tokens.create(Act(db.session, _actor(None)), user, wish)
        db.session.commit()
    click.echo(text)


@bearers.command("list")
def list_tokens() -> None:
    """Every token that people made."""
    kept = tokens.listed(db.session, _actor(None))
    alive = tokens.in_force(kept, office.now())
    for token in kept:
        until = f"{office.local(token.expires_at):%Y-%m-%d %H:%M}" if token.expires_at else "-"
        used = f"{office.local(token.used_at):%Y-%m-%d %H:%M}" if token.used_at else "-"
        scope = f"{','.join(token.types) or '*'} {','.join(token.verbs) or '*'}"
        click.echo(f"{token.id} {token.prefix}… {token.person.username} {'on' if token.id in alive else 'off'} "
                   f"until {until} used {used} {scope} {token.name}")


@bearers.command("revoke")
@click.argument("token_id", metavar="ID", type=int)
def revoke_token(token_id: int) -> None:
    """From now on nobody speaks by it; its id is in the list."""
    actor = _actor(None)
    token = tokens.find(db.session, actor, token_id)
    if token is None:
        _fail(Text(f"没有令牌 {token_id}", f"There is no token {token_id}"))
    tokens.revoke(Act(db.session, actor), token)
    db.session.commit()
    click.echo(f"{token.prefix}… off")


# Record types, data -----------------------------------------------------------------------------------------------

@plain.command("record-types")
@click.option("--json", "as_json", is_flag=True, help="The whole declaration of every type.")
@click.option("--markdown", "as_markdown", is_flag=True, help="The handbook: docs/record-types.md.")
def record_types(as_json: bool, as_markdown: bool) -> None:
    """List the record types."""
    specs = registry.types().values()
    if as_markdown:
        click.echo("\n".join(handbook.markdown(registry.types())))
        return
    if as_json:
        click.echo(json.dumps([described.record_type(spec) for spec in specs], ensure_ascii=False, indent=1))
        return
    for spec in specs:
        click.echo(f"{spec.area:14}{spec.name:30}{spec.zh}  {spec.en}")


@plain.command("export")
@click.argument("type_name", metavar="TYPE")
@click.option("--format", "format_", type=click.Choice([*export_files.FORMATS]), default="csv")
@click.option("--filter", "filter_", default="{}", help='JSON, such as {"state": "closed"}.')
@click.option("--header", type=click.Choice(["labels", "names"]), default="labels")
@click.option("--as", "username", metavar="USER", help="With this person's rights; else everything.")
def export(type_name: str, format_: str, filter_: str, header: str, username: str | None) -> None:
    """Write the records of a type to standard output."""
    spec, actor = _type(type_name), _actor(username)
    try:
        filters = {str(name): str(value) for name, value in json.loads(filter_).items()}
    except (ValueError, AttributeError):
        _fail(Text("--filter 应为 JSON 对象", "--filter must be a JSON object"), 2)
    with _plainly():
        if (refusal := access.may(actor, "export", spec).reason) is not None:
            raise Refused(refusal)
        question = lists.Question(filters)
        where = lists.conditions(spec, actor, question, Looks(db.session, actor))
        wanted = export_files.Wanted(spec, where, "number", actor, format_, header)
        _write_out(wanted, question)


def _write_out(wanted: export_files.Wanted, question: lists.Question) -> None:
    """On record first, then to standard output; a workbook is a file before that."""
    act = Act(db.session, wanted.actor)
    with export_files.Snapshot(db.engine) as snapshot:
        total = snapshot.count(wanted)
        transfers.note_export(act, wanted.spec, wanted.format, export_files.told(question), total)
        db.session.commit()
        if wanted.format != "xlsx":
            for piece in export_files.pieces(snapshot, wanted, total):
                sys.stdout.buffer.write(piece)
            return
        with NamedTemporaryFile(suffix=".xlsx") as file:
            export_files.write_xlsx(snapshot, wanted, total, Path(file.name), lambda rows: None)
            shutil.copyfileobj(file, sys.stdout.buffer)


@plain.command("import")
@click.argument("names", nargs=-1, required=True, metavar="TYPE FILE | FOLDER")
@click.option("--dry-run", is_flag=True, help="Check everything, write nothing.")
@click.option("--skip-bad", is_flag=True, help="Write the good rows.")
@click.option("--history", is_flag=True, help="Records from before the system, with their own numbers and states.")
@click.option("--as", "username", metavar="USER", help="With this person's rights.")
def import_(names: tuple[str, ...], dry_run: bool, skip_bad: bool, history: bool, username: str | None) -> None:
    """Read records from a csv, xlsx or json file, or from a folder of such files named like their types."""
    options = {"dry_run": dry_run, "skip_bad": skip_bad, "history": history}
    with _plainly():
        act = Act(db.session, _actor(username, "import"), is_history=history)
        if len(names) == 1 and Path(names[0]).is_dir():
            outcome = imports.import_folder(act, names[0], **options)
        elif len(names) == 2:
            outcome = imports.import_file(act, _type(names[0]), names[1], **options)
        else:
            _fail(Text("用法：import 类型 文件，或 import 文件夹", "Usage: import TYPE FILE, or import FOLDER"), 2)
        wrote = not dry_run and (skip_bad or not outcome.bad)
        db.session.commit() if wrote else db.session.rollback()
    for bad in outcome.bad:
        click.echo(bad.sentence(language()), err=True)
    click.echo(Text(f"新建 {outcome.created}，更新 {outcome.updated}，有误 {len(outcome.bad)}" + ("" if wrote else "；未写入"),
                    f"created {outcome.created}, updated {outcome.updated}, bad {len(outcome.bad)}"
                    + ("" if wrote else "; nothing written")).in_(language()))
    sys.exit(1 if outcome.bad else 0)


# Reports ----------------------------------------------------------------------------------------------------------

@reporting.command("run")
@click.argument("name")
@click.option("--period", default="", help="2026-10, 2026-Q4 or 2026.")
@click.option("--dealer", default="", help="Code of one dealer, for a report on dealers; without it all of them.")
@click.option("--reason", default="", help="Why a frozen report is issued again.")
@click.option("--record", default="", help="Number of the frozen report, where the period has several of them.")
@click.option("--plan", default="", help="Number of the survey plan, for a report on one; its quarter is the period.")
@click.option("--wait", is_flag=True, help="Wait for the result; without a live worker the job runs here.")
@click.option("--json", "as_json", is_flag=True, help="Print the run and its figures.")
def run_report(name: str, period: str, dealer: str, plan: str, reason: str, record: str, wait: bool, as_json: bool) -> None:
    """Have a report compiled: exit 0 done (or queued), 1 failed, 2 bad arguments."""
    try:
        run = reports.request(Act(db.session, _actor(None)), name, period, dealer, plan=plan, reason=reason, record=record)
        db.session.commit()
    except Invalid as invalid:
        _fail(next(iter(invalid.errors.values())), 2)
    except Refused as refused:
        _fail(refused.reason)
    run_id = run.id
    if wait:
        reports.finish(run_id)
    else:
        outbox.dispatch_now()
    _print_run(db.session.get(ReportRun, run_id, populate_existing=True), as_json)


def _print_run(run: ReportRun, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(reports.as_json(db.session, run), ensure_ascii=False, indent=1))
    else:
        found = [f"{name}={value}" for name, value in (run.figures or {}).items()]
        click.echo(f"{run.id} {run.state} " + " ".join([*reports.numbers(db.session, run), *found]))
    said = Text(run.error_zh or "", run.error_en or "").in_(language())
    if said:  # why it failed, or whom a run that is done had to leave out
        click.echo(said, err=True)
    if run.state == "failed":
        sys.exit(1)


@plain.command("kpi")
@click.argument("name", required=False)
@click.option("--period", default="", help="2026-10, 2026-Q4 or 2026; without it this month.")
@click.option("--dealer", default="", help="Code of one dealer.")
@click.option("--unit", default="", help="Code of one department.")
@click.option("--as", "username", metavar="USER", help="With this person's rights; else everything.")
@click.option("--json", "as_json", is_flag=True, help="As programs read it, over HTTP too.")
def tell_kpis(name: str | None, period: str, dealer: str, unit: str, username: str | None, as_json: bool) -> None:
    """The department's figures beside those of the period before; of one NAME the records that it counts. Exit 2: bad
    arguments."""
    actor = _actor(username)
    try:
        when, scope = kpi_answers.read(db.session, actor, {"period": period, "dealer": dealer, "unit": unit})
        found = [kpi_answers.one(db.session, actor, name, when, scope)] if name else kpi_answers.listed(
            db.session, actor, when, scope)
    except Invalid as invalid:
        _fail(next(iter(invalid.errors.values())), 2)
    if as_json:
        click.echo(json.dumps(found[0] if name else found, ensure_ascii=False, indent=1))
        return
    for told in found:
        parts = f" ({told['part']} / {told['whole']})" if "part" in told else ""
        before = f"  {when.previous()}: {told['previous'] or '-'}" if "previous" in told else ""
        click.echo(f"{told['name']:26}{told['value'] or '-':>14}{parts}{before}  {Text(told['zh'], told['en']).in_(language())}")
        for side, types in told.get("behind", {}).items():
            for type_name, said in types.items():
                click.echo(f"  {side} {type_name} {said['count']}: {' '.join(said['numbers'])}".rstrip(": "))


# Parameters, audit ------------------------------------------------------------------------------------------------

@settings_.command("list")
def list_parameters() -> None:
    """Every number the office may change, with the value of today."""
    for name, parameter in PARAMETERS.items():
        value = parameters.value(db.session, name)
        click.echo(f"{name} = {value} {parameter.unit}  ({parameter.label.in_(language())}; {parameter.source})")


@settings_.command("set")
@click.argument("name")
@click.argument("value")
@click.option("--from", "since", help="The day from which it holds (today).")
def set_parameter(name: str, value: str, since: str | None) -> None:
    """Give a parameter a new value from a day on."""
    try:
        day = datetime.strptime(since, "%Y-%m-%d").date() if since else None
    except ValueError:
        _fail(Text("--from 应为日期，如 2026-10-31", "--from must be a date such as 2026-10-31"), 2)
    with _plainly():
        parameters.set_value(Act(db.session, _actor(None)), name, value, day)
        db.session.commit()
    click.echo(f"{name} = {value}")


@switches.command("list")
def list_areas() -> None:
    """Every area, and whether it is in use."""
    areas.read(db.session)
    for name, label in AREAS.items():
        click.echo(f"{name} {'off' if name in areas.off() else 'on'}  ({label.in_(language())})")


@switches.command("switch")
@click.argument("area")
@click.argument("to", type=click.Choice(["on", "off"]))
def switch_area(area: str, to: str) -> None:
    """Do without an area, or take it back; its records stay."""
    with _plainly():
        areas.switch(Act(db.session, _actor(None)), area, on=to == "on")
        db.session.commit()
    click.echo(f"{area} {to}")


@audits.command("verify")
def verify_audit() -> None:
    """Prove that every row, audit entry and seal is what was written; exit 1 and a line each for what is not."""
    broken = 0
    with reading():
        for text in audit.verify(db.session):
            broken += 1
            click.echo(text.in_(language()))
    if broken:
        sys.exit(1)
    click.echo(Text("审计完好：记录、审计链和封存全部相符", "The audit holds: records, chains and seals agree").in_(language()))


@searching.command("rebuild")
def rebuild_search() -> None:
    """Make the search index anew from the records; people go on working meanwhile."""
    count = 0
    for done in search.rebuild(db.session):
        db.session.commit()
        count = done
    click.echo(Text(f"已重建搜索索引：{count} 条记录", f"The search index is made anew: {count} records").in_(language()))


# The whole house --------------------------------------------------------------------------------------------------

@plain.command("backup")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def back_up(file: Path) -> None:
    """Write everything into one file, while people go on working: rows, attachments and, if it is kept here, the key."""
    with _plainly():
        told = backup.write(Act(db.session, access.Actor.system("console")), current_app.extensions["settings"], file)
    for sha256 in told.missing:
        _warn(Text(f"存储中缺少或已损坏的附件：{sha256}", f"missing from the store, or damaged there: {sha256}"))
    if not told.has_key:
        _warn(Text("SECRET_KEY 由环境给出，不在备份中：请另行保管",
                   "SECRET_KEY is given by the environment and not in the backup: keep it too"))
    click.echo(Text(f"已备份：{told.rows} 行，{told.files} 个文件，{told.size} 字节；请像保管系统本身一样保管它",
                    f"backed up: {told.rows} rows, {told.files} files, {told.size} bytes; "
                    "keep it as safe as the house itself").in_(language()))


@plain.command("restore")
@click.argument("file", type=click.Path(path_type=Path))
def bring_back(file: Path) -> None:
    """Make a house of a backup, in an empty installation; nothing is running there meanwhile."""
    settings = current_app.extensions["settings"]
    with _plainly():
        try:
            with supervisor.alone(settings):
                told = restore.load(Act(db.session, access.Actor.system("console")), settings, file, upgrade)
        except ConfigError as runs:
            click.echo(str(runs), err=True)
            sys.exit(1)
    for sha256 in told.missing:
        _warn(Text(f"备份时就缺少的附件：{sha256}", f"was missing already when the backup was made: {sha256}"))
    if not told.same_key:
        _warn(Text("签名密钥与备份时不同：Webhook 的接收方需要新的密钥",
                   "the signing key is another than that of the backup: the receivers of webhooks need new secrets"))
    click.echo(Text(f"已恢复：{told.rows} 行，{told.files} 个文件；所有人需要重新登录",
                    f"restored: {told.rows} rows, {told.files} files; everybody signs in anew").in_(language()))


def _warn(text: Text) -> None:
    click.echo(text.in_(language()), err=True)


# Processes --------------------------------------------------------------------------------------------------------

@plain.command("serve")
@click.option("--demo/--no-demo", default=True, help="Load the demo company at the first start.")
def serve(demo: bool) -> None:
    """Run everything: queue store, workers, clock, web server."""
    parts = {"web": _answer, "worker": worker.work, "clock": clock.run}
    sys.exit(supervisor.serve(
        current_app.extensions["settings"], supervisor.Work(upgrade, lambda: _begin(demo), parts)))


def _answer() -> None:
    supervisor.web(current_app._get_current_object(), current_app.extensions["settings"])


@plain.command("web")
def web() -> None:
    """The web server alone."""
    _answer()


@plain.command("worker")
def work() -> None:
    """One worker of the background jobs."""
    worker.work()


@plain.command("clock")
def tick() -> None:
    """The clock that starts the periodic jobs."""
    clock.run()


@plain.command("first-start")
@click.option("--demo/--no-demo", default=True)
def first_start(demo: bool) -> None:
    """Create the administrator, and the demo company if wanted. Where there are people already, nothing but the jobs
    that the last end interrupted is taken up again."""
    _begin(demo)


def _begin(demo: bool) -> None:
    if db.session.scalar(sa.select(User.id).limit(1)) is not None:
        _queue_interrupted_again()
        return
    from demo import company  # thousands of sentences that no other command needs
    from demo import people as cast
    settings = current_app.extensions["settings"]
    with _plainly():
        secret = settings.admin_password or passwords.random_password()
        act = Act(db.session, _actor(None))
        people.create(act, "admin", secret, roles=["administrator"], name="系统管理员")
        shown = settings.demo_password or passwords.random_password()
        if demo:
            company.load(db.session, act.today, shown)
            _compile_last_month(Act(db.session, act.actor))
        db.session.commit()
    click.echo(f"administrator: admin  password: {'(AFTERCARE_ADMIN_PASSWORD)' if settings.admin_password else secret}")
    if demo:
        click.echo(f"demo people: {' '.join(p.username for p in cast.people())}")
        click.echo(f"demo password: {'(AFTERCARE_DEMO_PASSWORD)' if settings.demo_password else shown}")


def _compile_last_month(act: Act) -> None:
    """The worker finds the requests as soon as it runs."""
    last = Period(act.today.year, act.today.month, 1).previous()
    for name in ("quality_info_summary", "dealer_grade_sheet"):
        asking.ask(act, name, str(last))


def _queue_interrupted_again() -> None:
    """With no worker alive, nobody is at a run that is not over: its job may be lost, and a second one does no harm."""
    if not outbox.is_worker_alive():
        act = Act(db.session, _actor(None))
        for run in db.session.scalars(sa.select(ReportRun).where(ReportRun.state.in_(asking.ACTIVE)).order_by(ReportRun.id)):
            run.state, run.alive_at = "queued", act.now
            db.session.add(Outbox(job="report", arguments=[run.id], created_at=act.now))
        db.session.commit()
