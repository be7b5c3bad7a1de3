"""A house goes into one file while people work in it, and comes out of it whole; or it does not come out at all."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import stat
import tarfile
from dataclasses import replace

import flask_migrate
import pytest
import sqlalchemy as sa

import commands
from jobs import backup, backup_file, supervisor
from models.base import Record, db
from models.files import Attachment
from models.history import AuditEntry
from models.people import User
from models.search import SearchText
from models.spec import Refused
from rules import file_store, tokens
from rules.access import Actor
from rules.act import Act
from tests.browser_of_a_person import PASSWORD
from tests.casebook import Casebook
from tests.conftest import settings_for
from tests.test_attachments import attach, png
from tests.valid import desk

PLAN, PICTURE = "visit_plan", png("as it was")
pytestmark = pytest.mark.usefixtures("own_place")


@pytest.fixture
def own_place(app):
    """Two houses in one process have their files in two places."""
    yield
    file_store.set_place(app.extensions["settings"].files)


@pytest.fixture
def book(app):
    with app.app_context():
        flask_migrate.stamp()
    yield Casebook(app)
    with app.app_context(), db.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE alembic_version")


@pytest.fixture
def other(app, empty, tmp_path, monkeypatch):
    """Another installation, without tables, with a key that it has made for itself."""
    from app import create_app
    (tmp_path / "other").mkdir()
    made = create_app(replace(settings_for(tmp_path / "other", empty), secret_key="made-by-the-other-itself"))
    made.testing = True
    keep_key(made)
    # What an upgrade leaves behind, in a tenth of the time; tests/test_migrations.py holds the two to each other.
    monkeypatch.setattr(commands, "upgrade", lambda: (db.create_all(), flask_migrate.stamp()))
    file_store.set_place(app.extensions["settings"].files)
    yield made
    with made.app_context():
        db.session.remove()
        db.engine.dispose()


def keep_key(app):
    settings = app.extensions["settings"]
    settings.data.mkdir(exist_ok=True)
    (settings.data / "secret_key").write_text(settings.secret_key + "\n")
    return settings.data / "secret_key"


def run(app, *words):
    """A command of this house."""
    settings = app.extensions["settings"]
    file_store.set_place(settings.files)
    answer = app.test_cli_runner().invoke(args=[str(word) for word in words])
    assert answer.exception is None or isinstance(answer.exception, SystemExit), answer.exception
    return answer


def refused(answer, sentence):
    assert (answer.exit_code, answer.stdout) == (1, ""), answer.output
    assert sentence in answer.stderr, answer.stderr


def everything(app):
    """All rows of all tables, as they stand; but for what a restore says about itself."""
    with desk(app) as session:
        found = {table.name: session.execute(sa.select(table).order_by(*table.primary_key.columns)).all()
                 for table in db.metadata.sorted_tables if table.name not in ("search_texts", "users")}
        found["audit_entries"] = [row for row in found["audit_entries"] if row.action != "restore"]
        users = sa.select(*(column for column in User.__table__.c if column.name != "session_epoch"))
        found["search_texts"] = set(session.execute(sa.select(SearchText.type, SearchText.record_id, SearchText.text)).all())
        return {**found, "users": session.execute(users.order_by(User.id)).all()}


def is_empty(app):
    with app.app_context():
        names = sa.inspect(db.engine).get_table_names()
        count = db.session.scalar(sa.select(sa.func.count()).select_from(User)) if "users" in names else 0
        db.session.remove()
    return count == 0 and not list(app.extensions["settings"].files.glob("??/*"))


def number_of(app, id_):
    with desk(app) as session:
        return session.get(Record.types[PLAN].model, id_).number


def spoilt(path, target, at, *, cut=False):
    content = bytearray(path.read_bytes())
    content[at] ^= 0x11
    target.write_bytes(content[:at] if cut else content)
    return target


def place_in(path, name):
    """Where the content of a member begins."""
    with tarfile.open(path) as tar:
        return next(info for info in tar if info.name.startswith(name)).offset_data


def test_a_house_comes_back_as_it_was_and_refuses_what_it_cannot_be_made_of(app, book, other, tmp_path):
    sales = book.person("sales")
    plan = sales.create(PLAN, book.visit_plan())
    attach(sales, PLAN, plan, (PICTURE, "photo.png"))
    with desk(app) as session:
        text = tokens.create(Act(session, Actor.system()), session.scalar(sa.select(User).where(User.username == "sales")),
                             tokens.Wish("made"))[1]
    signed_in = app.test_client().post("/auth/login", json={"email": "sales", "password": PASSWORD}).json["data"]["access_token"]
    key, whole = keep_key(app), tmp_path / "whole.backup"

    # Written ...
    refused(run(app, "backup", tmp_path / "nowhere" / "x"), "没有写成")
    said = run(app, "backup", whole)
    assert (said.exit_code, said.stderr) == (0, "") and "1 个文件" in said.stdout
    assert stat.S_IMODE(whole.stat().st_mode) == 0o600 and [p.name for p in tmp_path.glob("*backup*")] == ["whole.backup"]
    assert not list(tmp_path.glob(".aftercare-*"))
    with desk(app) as session:
        assert session.scalar(sa.select(AuditEntry.door).where(AuditEntry.action == "backup")) == "console"
    before = everything(app)
    refused(run(app, "backup", whole), "已经存在")
    refused(run(app, "restore", whole), "这里已有数据")
    assert everything(app) == before

    # ... refused ...
    foreign, early = tmp_path / "foreign", tmp_path / "early"
    foreign.write_bytes(PICTURE)
    with early.open("wb") as file:
        writer = backup_file.Writer(file, {"revision": "0123", "made_at": "", "database": "sqlite"})
        writer.finish()
    refused(run(other, "restore", foreign), "不是 Aftercare 的备份")
    refused(run(other, "restore", tmp_path / "nothing"), "读不出来")
    refused(run(other, "restore", early), "是 0123")
    middle = place_in(whole, "tables/users")
    for at, cut in ((place_in(whole, "files/") + 3, False), (middle + 40, False), (middle, True),
                    (place_in(whole, "manifest") + 9, False), (place_in(whole, "manifest"), True), (middle - 500, False)):
        with pytest.raises(Refused, match="is damaged"):
            backup_file.proved(spoilt(whole, tmp_path / "spoilt", at, cut=cut))
    refused(run(other, "restore", spoilt(whole, tmp_path / "spoilt", place_in(whole, "secret_key") + 1)), "已损坏")
    with supervisor.alone(other.extensions["settings"]):
        refused(run(other, "restore", whole), "already runs")
    assert is_empty(other)

    # ... and restored.
    said = run(other, "restore", whole)
    assert (said.exit_code, said.stderr) == (0, ""), said.output
    assert everything(other) == before
    proof = run(other, "audit", "verify")
    assert proof.exit_code == 0, proof.stdout
    assert (other.extensions["settings"].data / "secret_key").read_text() == key.read_text()
    assert stat.S_IMODE((other.extensions["settings"].data / "secret_key").stat().st_mode) == 0o600
    refused(run(other, "restore", whole), "这里已有数据")

    # Everybody signs in anew; tokens that were made go on; numbers, ids, search and files do too.
    other.secret_key = app.secret_key   # as the next start reads it
    cookie = sales.client.get_cookie("session")
    again = other.test_client()
    again.set_cookie("session", cookie.value)
    assert sales.get("/admin/").status_code == 200 and again.get("/admin/").status_code == 302
    with_token = [other.test_client().get("/users/me", headers={"Authorization": f"Bearer {one}"}).status_code
                  for one in (text, signed_in)]
    assert with_token == [200, 401]
    there = Casebook(other)
    page = there.person("sales").get(f"/admin/{PLAN}/details/?id={plan}").text
    photo = re.search(rf"/admin/{PLAN}/{plan}/attachments/\d+", page)[0]
    assert there.person("sales").get(photo, buffered=True).data == PICTURE
    number = number_of(other, plan)
    assert number in there.person("sales").get(f"/admin/search/?q={number}").text
    here_next, there_next = (each.person("sales").create(PLAN, each.visit_plan()) for each in (book, there))
    assert (here_next, number_of(app, here_next)) == (there_next, number_of(other, there_next))


def test_a_backup_that_is_killed_leaves_nothing_under_its_name(app, book, tmp_path):
    def until_the_end(*_):
        os.kill(os.getpid(), signal.SIGKILL)

    def child():
        with app.app_context():
            db.engine.dispose(close=False)
            backup_file.Writer.finish = until_the_end
            backup.write(Act(db.session, Actor.system()), app.extensions["settings"], tmp_path / "killed")
    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL and not (tmp_path / "killed").exists()
    [left] = tmp_path.glob(".aftercare-*.part")
    assert left.stat().st_size > 0 and stat.S_IMODE(left.stat().st_mode) == 0o600


def test_a_backup_is_of_one_moment_and_names_what_is_damaged(app, book, tmp_path, monkeypatch):
    sales, written = book.person("sales"), backup_file.Writer.rows
    plan = sales.create(PLAN, book.visit_plan())
    attach(sales, PLAN, plan, (PICTURE, "photo.png"))
    with desk(app) as session:
        file_store.path_of(sha256 := session.scalar(sa.select(Attachment.sha256))).write_bytes(b"no longer as it was")
        rows = {table.name: session.scalar(sa.select(sa.func.count()).select_from(table)) for table in backup.kept_tables()}
    meanwhile = []

    def busy(writer, table, found):
        """People go on working."""
        written(writer, table, found)
        if not meanwhile:
            meanwhile.append(sales.create(PLAN, book.visit_plan()))
    monkeypatch.setattr(backup_file.Writer, "rows", busy)
    said = run(app, "backup", tmp_path / "busy")
    assert said.exit_code == 0 and sha256 in said.stderr and meanwhile
    rows["audit_entries"] += 1   # of the backup itself
    tally = backup_file.proved(tmp_path / "busy")
    assert {name: counted["rows"] for name, counted in tally.tables.items()} == {name: n for name, n in rows.items() if n}
    assert tally.files["count"] == 0
