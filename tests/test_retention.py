"""What has been kept long enough: proposed, approved by somebody else, carried out once; and the audit holds."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import zipfile
from datetime import timedelta

import pytest
import sqlalchemy as sa

from jobs import retention as carrying_out
from jobs import upkeep, worker
from models.base import Record
from models.comments import Comment
from models.files import Attachment
from models.history import AuditEntry, Outbox, SignedContent
from models.retention import Archive, LegalHold, RetentionItem, RetentionList
from models.spec import Refused
from rules import approvals, attachments, audit, comments, erasing, file_store, office, retention
from rules.access import Actor
from rules.act import Act
from tests import valid
from tests.casebook import Casebook, done, refused
from tests.test_notices import bell
from tests.valid import TYPES, desk

CASE, NOTICE, CUSTOMER = "quality_info_transfer", "overdue_notice", "customer"   # 5 years with private data, 3 without, own way
PHONE, NAME = "13912345678", "欧阳无忌"
LISTS = "/admin/retention/"


@pytest.fixture
def book(app):
    return Casebook(app)


def old(app, type_, state, years, **given):
    """A record that ended so long ago, with everything that may hang on one; its id."""
    with desk(app) as session:
        record = valid.record(session, type_, **given)
        act = Act(session, Actor.system())
        attachments.add(act, record, [attachments.take_in(io.BytesIO(f"{NAME} {record.number}".encode()), f"{NAME}.txt", 1)])
        comments.say(act, record, f"请联系 {NAME} {PHONE}")
        id_ = record.id
    with desk(app) as session:
        record = session.get(Record.types[type_].model, id_)
        act = Act(session, Actor.system(), is_history=True, now=office.now() - timedelta(days=365.25 * years))
        record.state = state
        act.name_action(record, "move:close")
        session.flush()
        return id_


def case(app, years=6, state="closed", **given):
    return old(app, CASE, state, years, contact_person=NAME, phone=PHONE, **given)


def propose(book):
    """The administrator has the list made; its address."""
    answer = done(book.person("administrator").post(f"{LISTS}propose"))
    return answer.location


def items(app):
    with desk(app) as session:
        return {(item.type, item.record_id): (item.action, item.state) for item in session.scalars(sa.select(RetentionItem))}


def approved(book):
    address = propose(book)
    done(book.person("administrator").post(f"{address}submit"))
    done(book.person("quality_manager").post(f"{address}approve"))
    return address


def work_off(app):
    """What the worker does with the rows of the outbox, and again, as after a crash."""
    with desk(app) as session:
        waiting = session.execute(sa.select(Outbox.job, Outbox.arguments).where(Outbox.job == "retention")).all()
    with app.app_context():
        for _ in range(2):
            for name, arguments in waiting:
                worker.perform(name, *arguments)


def verified(app):
    with desk(app) as session:
        return [text.en for text in audit.verify(session)]


def everything_kept(app):
    """All words of the database, wherever they stand, and all bytes of the store."""
    from models.base import db
    with desk(app) as session:
        rows = [str(tuple(row)) for table in db.metadata.sorted_tables for row in session.execute(sa.select(table))]
    return "\n".join(rows)


# Who, and in which order ----------------------------------------------------------------------------------------------

def test_the_administrator_prepares_and_somebody_else_approves(app, book):
    id_ = case(app)
    boss, manager, both = book.person("administrator"), book.person("quality_manager"), book.person("quality_manager2")
    refused(manager.post(f"{LISTS}propose"), "由系统管理员整理")
    for outsider in ("general_manager", "quality_engineer"):
        assert book.person(outsider).get(LISTS).status_code == 403
    address = propose(book)
    assert propose(book) == address, "one list at a time"
    assert "待整理" in boss.get(LISTS).text and bell(boss) == "1" and bell(manager) == "0"
    refused(manager.post(f"{address}approve"), "待整理", 409)
    done(boss.post(f"{address}submit"))
    refused(boss.post(f"{address}submit"), "待批准", 409)
    refused(boss.post(f"{address}approve"), "由质量负责人批准")
    with desk(app) as session:   # somebody who is both submitted it themselves
        session.execute(sa.update(RetentionList).values(submitted_by_id=book.user("quality_manager2")))
    refused(both.post(f"{address}approve"), "提交人不能批准")
    assert bell(manager) == "1"
    refused(manager.post(f"{address}return"), "请填写原因", 422)
    assert items(app) == {(CASE, id_): ("anonymise", "open")}
    done(manager.post(f"{address}return", {"comment": "先等审计"}))
    assert "先等审计" in boss.get(address).text and bell(boss) == "2"
    refused(manager.post(f"{address}approve"), "已退回", 409)
    with app.app_context():
        carrying_out.carry_out(int(address.split("/")[-2]))
    assert PHONE in everything_kept(app), "nothing happens without approval"
    second = approved(book)
    assert second != address
    work_off(app)
    assert items(app)[CASE, id_] == ("anonymise", "done")
    with desk(app) as session:
        said = session.execute(sa.select(AuditEntry.action, AuditEntry.actor_id).where(
            AuditEntry.type == "retention").order_by(AuditEntry.id)).all()
        assert [action for action, _ in said] == [f"retention_{what}" for what in (
            "propose", "submit", "return", "propose", "submit", "approve", "carry_out")]
        assert session.scalar(sa.select(sa.func.count()).select_from(Outbox).where(Outbox.job == "retention")) == 1
    answer = boss.post(f"{LISTS}propose")
    assert answer.location == LISTS and "没有保存期满的记录" in boss.get(LISTS).text, "done is done"


def test_what_is_left_out_stays_and_comes_again_with_the_next_list(app, book):
    one, other = case(app), case(app)
    address, boss = propose(book), book.person("administrator")
    page = boss.get(address).text
    chosen = re.findall(r'name="items" value="(\d+)"', page)
    refused(boss.post(f"{address}leave-out", {"items": chosen[0]}), "请填写原因", 422)
    refused(boss.post(f"{address}leave-out", {"reason": "在用"}), "请先选择记录", 422)
    refused(book.person("quality_manager").post(f"{address}leave-out", {"items": chosen[0], "reason": "在用"}), "由系统管理员")
    done(boss.post(f"{address}leave-out", {"items": chosen[0], "reason": "培训用例"}))
    done(boss.post(f"{address}submit"))
    refused(boss.post(f"{address}leave-out", {"items": chosen[1], "reason": "晚了"}), "待批准", 409)
    done(book.person("quality_manager").post(f"{address}approve"))
    work_off(app)
    assert items(app) == {(CASE, one): ("anonymise", "kept"), (CASE, other): ("anonymise", "done")}
    assert "培训用例" in boss.get(address).text
    assert propose(book) != address
    assert book.read(CASE, one).phone == PHONE


# What is due ----------------------------------------------------------------------------------------------------------

def test_only_what_has_ended_long_enough_ago_and_is_needed_by_nothing_is_proposed(app, book):
    due, early = case(app, years=5.01), case(app, years=4.99)
    still_open = case(app, state="received" if TYPES[CASE].workflow.state("received") else TYPES[CASE].workflow.initial)
    needed, void = case(app), case(app, state="void")
    with desk(app) as session:
        valid.record(session, "callback_record", quality_info_transfer=str(needed))
    plain = old(app, NOTICE, "cleared", 3.1)
    propose(book)
    found = items(app)
    assert {key for key in found if key[0] in (CASE, NOTICE)} == {(CASE, due), (CASE, void), (NOTICE, plain)}
    assert found[NOTICE, plain] == ("archive", "open") and early and still_open


def test_a_legal_hold_stops_it_also_at_the_last_moment_and_for_what_names_the_record(app, book):
    boss, manager = book.person("administrator"), book.person("quality_manager")
    held, late, free, boss_id = case(app), case(app), case(app), book.user("administrator")
    naming = old(app, "callback_record", "reported", 6, quality_info_transfer=str(held))

    def hold(id_, **changes):
        form = {"type": CASE, "number": book.read(CASE, id_).number, "reason": "诉讼 (2026) 12 号", **changes}
        return manager.post(f"{LISTS}holds", form)
    for changes, sentence in (({"type": "x"}, "请选择单据类型"), ({"number": "QI-0"}, "没有编号为“QI-0”"),
                              ({"reason": " "}, "请填写原因")):
        refused(hold(held, **changes), sentence, 422)
    assert book.person("general_manager").post(f"{LISTS}holds").status_code == 403
    done(hold(held))
    address = propose(book)
    assert set(items(app)) == {(CASE, late), (CASE, free)}, "neither the held one nor the call about it"
    done(boss.post(f"{address}submit"))
    done(manager.post(f"{address}approve"))
    done(hold(late))
    work_off(app)
    assert items(app) == {(CASE, late): ("anonymise", "kept"), (CASE, free): ("anonymise", "done")}
    assert "被依法冻结" in boss.get(address).text
    assert [book.read(CASE, id_).phone for id_ in (held, late, free)] == [PHONE, PHONE, None]
    holds = re.findall(rf"{LISTS}holds/(\d+)/release", boss.get(LISTS).text)
    refused(boss.post(f"{LISTS}holds/{holds[0]}/release"), "请填写原因", 422)
    for one in holds:
        done(boss.post(f"{LISTS}holds/{one}/release", {"reason": "结案"}))
    approved(book)
    work_off(app)
    assert [book.read(CASE, id_).phone for id_ in (held, late)] == [None, None] and naming
    with desk(app) as session:
        assert session.scalars(sa.select(LegalHold.released_by_id)).all() == [boss_id] * 2
        assert session.scalar(sa.select(sa.func.count()).where(AuditEntry.action == "release_hold")) == 2


# Anonymising ----------------------------------------------------------------------------------------------------------

def test_nothing_is_left_that_names_the_person_and_the_audit_still_holds(app, book):
    id_ = case(app)
    book.person("quality_manager")
    with desk(app) as session:
        hashes = session.scalars(sa.select(Attachment.sha256).where(Attachment.record_id == id_)).all()
        audit.seal(session)
    assert not verified(app)
    before = book.read(CASE, id_)
    approved(book)
    work_off(app)
    left = everything_kept(app)
    assert PHONE not in left and NAME not in left
    after = book.read(CASE, id_)
    assert after.phone is None and after.contact_person is None and after.number == before.number
    assert after.fault_description == before.fault_description and after.province == before.province
    assert not verified(app)
    with desk(app) as session:
        session.execute(sa.update(Attachment).values(uploaded_at=Attachment.uploaded_at))
        upkeep._sweep(Act(session, Actor.system()), list(hashes), office.now() + timedelta(minutes=1))
        assert [file_store.path_of(one).exists() for one in hashes] == [False] * len(hashes)
    assert not verified(app)
    page = book.person("quality_engineer").get(f"/admin/{CASE}/details/?id={id_}")
    assert page.status_code == 200 and "匿名化" in page.text


def test_the_proof_still_finds_whatever_is_changed_behind_an_erasure(app, book):
    id_ = case(app)
    approved(book)
    work_off(app)
    assert not verified(app)
    with desk(app) as session:
        entries = session.execute(sa.select(AuditEntry.id, AuditEntry.action, AuditEntry.changes).where(
            AuditEntry.type == CASE, AuditEntry.record_id == id_).order_by(AuditEntry.id)).all()
        file, comment = session.scalars(sa.select(Attachment)).first(), session.scalars(sa.select(Comment)).first()
        file_id, comment_id = file.id, comment.id
    erased = next(entry for entry in entries if entry.action == "anonymise")
    [first] = [entry for entry in entries if entry.id == entries[0].id]
    assert str(first.id) in erased.changes["+erased"]["entries"]

    def after(*statements):
        with app.app_context():
            from models.base import db
            for statement in statements:
                db.session.execute(statement)
            db.session.flush()
            said = [text.en for text in audit.verify(db.session)]
            db.session.rollback()
            db.session.remove()
        return said
    entry = AuditEntry.__table__
    forged = {**first.changes, "fault_description": [None, "nothing was wrong"]}
    assert after(sa.update(entry).where(entry.c.id == first.id).values(changes=forged))
    unsaid = {**erased.changes, "+erased": {**erased.changes["+erased"], "entries": {}}}
    assert len(after(sa.update(entry).where(entry.c.id == erased.id).values(changes=unsaid))) >= 2
    assert after(sa.update(Attachment).where(Attachment.id == file_id).values(erased_at=None))
    for change in (sa.delete(Comment), sa.update(Comment).values(text="said otherwise")):
        assert after(change.where(Comment.id == comment_id))


def test_a_customer_goes_its_own_way_and_loses_its_name_from_its_history_too(app, book):
    with desk(app) as session:
        id_ = valid.record(session, CUSTOMER, name=f"{NAME}机械", contact_person=NAME, phone=PHONE, remark=f"{NAME}的表弟").id
    book.as_it_was(CUSTOMER, id_, state="inactive")
    with desk(app) as session:
        model = Record.types[CUSTOMER].model
        record = session.get(model, id_)
        assert retention.due(session, record.spec, office.today()) == []
        later = office.now() + timedelta(days=366 * 10 + 5)
        act = Act(session, Actor.system(), now=later)
        list_ = retention.propose(act)
        assert set(session.scalars(sa.select(RetentionItem.record_id))) == {id_}
        list_.state = "approved"
        number, list_id = record.number, list_.id
    with app.app_context():
        carrying_out.carry_out(list_id, now=later)
    left, read = everything_kept(app), book.read(CUSTOMER, id_)
    assert NAME not in left and PHONE not in left
    assert (read.state, read.name) == ("anonymised", number)
    assert not verified(app)


# Archiving ------------------------------------------------------------------------------------------------------------

def test_an_archive_holds_the_records_of_one_category_and_year_with_a_manifest(app, book):
    ids = [old(app, NOTICE, "cleared", 4), old(app, NOTICE, "cleared", 4), old(app, NOTICE, "cleared", 6)]
    boss = book.person("administrator")
    address = approved(book)
    work_off(app)
    with desk(app) as session:
        found = {one.year: (one.id, one.record_count, one.sha256) for one in session.scalars(sa.select(Archive))}
        assert sorted(count for _, count, _ in found.values()) == [1, 2] and len(found) == 2
    assert set(items(app).values()) == {("archive", "done")}
    archive_id, _, sha256 = found[max(found)]
    answer = boss.post(f"{LISTS}archives/{archive_id}", buffered=True)
    assert answer.status_code == 200 and hashlib.sha256(answer.data).hexdigest() == sha256
    assert "归档文件" in boss.get(address).text
    with zipfile.ZipFile(io.BytesIO(answer.data)) as zip_:
        manifest = dict(reversed(line.split("  ", 1)) for line in zip_.read("MANIFEST.sha256").decode().splitlines())
        assert set(manifest) == set(zip_.namelist()) - {"MANIFEST.sha256"}
        assert all(hashlib.sha256(zip_.read(path)).hexdigest() == hash_ for path, hash_ in manifest.items())
        rows = list(csv.DictReader(io.StringIO(zip_.read(f"{NOTICE}.csv").decode("utf-8-sig"))))
        numbers = {book.read(NOTICE, id_).number for id_ in ids[:2]}
        assert {row["number"] for row in rows} == numbers
        assert {path.split("/")[1] for path in manifest if path.startswith("attachments/")} == numbers
        history = [json.loads(line) for line in zip_.read("history.jsonl").splitlines()]
        assert {entry["record_id"] for entry in history} == set(ids[:2])
    assert not verified(app), "the records stay, and say where they were archived"
    with desk(app) as session:
        assert session.scalar(sa.select(sa.func.count()).where(AuditEntry.action == "archive")) == 3
        assert session.scalar(sa.select(sa.func.count()).where(AuditEntry.action == "export", AuditEntry.type == NOTICE)) == 1
    file_store.path_of(sha256).write_bytes(b"something else")
    assert verified(app) == [f"archive {archive_id}: its file is missing or was changed"]
    assert book.person("quality_engineer").post(f"{LISTS}archives/{archive_id}").status_code == 403


def test_killed_at_any_point_it_goes_on_and_does_nothing_twice(app, book, monkeypatch):
    one, other, plain = case(app), case(app), old(app, NOTICE, "cleared", 4)
    approved(book)
    with desk(app) as session:
        list_id = session.scalar(sa.select(RetentionList.id))
    real, calls = retention.why_not, []

    def killed(session, item, today):
        calls.append(item.record_id)
        if len(calls) in (2, 4):
            raise KeyboardInterrupt
        return real(session, item, today)
    monkeypatch.setattr(retention, "why_not", killed)
    for _ in range(3):
        with app.app_context():
            try:
                carrying_out.carry_out(list_id)
            except KeyboardInterrupt:
                from models.base import db
                db.session.rollback()
            finally:
                from models.base import db
                db.session.remove()
    assert items(app) == {(CASE, one): ("anonymise", "done"), (CASE, other): ("anonymise", "done"), (NOTICE, plain): ("archive", "done")}
    with desk(app) as session:
        counted = sa.select(AuditEntry.action, sa.func.count()).where(
            AuditEntry.action.in_(("anonymise", "archive", "retention_carry_out"))).group_by(AuditEntry.action)
        assert dict(session.execute(counted).all()) == {"anonymise": 2, "archive": 1, "retention_carry_out": 1}
        assert session.scalar(sa.select(RetentionList.state)) == "done"
    assert not verified(app)


@pytest.mark.once
def test_every_type_can_be_archived_or_anonymised_and_asked_about(app, session):
    """The questions of all types are statements that the database understands, and each type has its way."""
    for spec in TYPES.values():
        assert retention.due(session, spec, office.today()) == []
        assert retention.ended_states(spec.workflow) or retention.own_way(spec), spec.name
        private = spec.private or any(field.private for child in spec.lines.values() for field in child.fields.values())
        assert (retention.action_for(spec) == "anonymise") == bool(private), spec.name
    act = Act(session, Actor.of(session.scalar(sa.select(valid.User).where(valid.User.username == "sales")), "screen"))
    with pytest.raises(Refused):
        retention.propose(act)


def test_what_was_signed_loses_its_private_words_and_the_proof_holds(app, session):
    """The content of a round is kept for the proof; anonymising leaves no private word in it."""
    spec = next(s for s in TYPES.values() if s.workflow.approval and any(f.private and f.typed for f in s.fields.values()))
    name = next(n for n, f in spec.fields.items() if f.private and f.typed and f.kind.value in ("text", "phone"))
    record = valid.record(session, spec.name, also=(name,))
    act = Act(session, Actor.system())
    approvals.ask(act, record)
    session.commit()
    word, id_ = getattr(record, spec.fields[name].column), record.id
    assert list(audit.verify(session)) == []
    act = Act(session, Actor.system())
    erasing.anonymise(act, session.get(spec.model, id_))
    session.commit()
    contents = session.scalars(sa.select(SignedContent.content).where(SignedContent.record_id == id_)).all()
    assert contents and all(word not in json.dumps(content, ensure_ascii=False) for content in contents)
    assert list(audit.verify(session)) == []
    session.execute(sa.update(SignedContent).values(content={"fields": {}, "lines": {}}))
    assert list(audit.verify(session)), "what is left is still proved"
