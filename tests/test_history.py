"""The audit answers for every act: who, when, through which door, from what to what; and whatever is changed behind it
is found."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from models.base import Record
from models.history import AuditEntry, AuditSeal
from rules import audit, office, records
from rules.access import Actor
from rules.act import Act
from rules.saving import Unaccounted
from tests.browser_of_a_person import PASSWORD
from tests.casebook import Casebook, done

ENTRIES = AuditEntry.__table__


@pytest.fixture
def book(app):
    return Casebook(app)


def entries(book, **equals):
    """The entries with these values, oldest first."""
    with book.session() as session:
        return list(session.scalars(sa.select(AuditEntry).filter_by(**equals).order_by(AuditEntry.id)))


def last(book, **equals):
    return entries(book, **equals)[-1]


def count(book):
    return len(entries(book))


def new_plan(book, **changes):
    return book.person("sales").create("visit_plan", book.visit_plan(**changes))


# What is written down -------------------------------------------------------------------------------------------------

def test_a_new_record_is_one_entry_with_who_when_where_and_all_its_values(book):
    id_ = new_plan(book)
    [entry] = entries(book, type="visit_plan", record_id=id_)
    assert (entry.action, entry.door, entry.revision, entry.previous_hash) == ("create", "screen", 1, "")
    assert (entry.actor_id, entry.actor) == (book.user("sales"), "sales 先生")
    assert abs(entry.at - office.now()) < timedelta(minutes=1)
    assert entry.number == book.read("visit_plan", id_).number
    assert entry.changes["title"] == [None, "十一月重点顾客走访"] and entry.changes["planned_count"] == [None, 1]


def test_an_edit_is_kept_with_old_and_new_values_and_nothing_else(book):
    id_ = new_plan(book, budget="100")
    done(book.person("sales").edit("visit_plan", id_, title="改期走访", budget="250.5"))
    entry = last(book, type="visit_plan", record_id=id_)
    assert (entry.action, entry.revision) == ("edit", 2)
    assert entry.changes == {"title": ["十一月重点顾客走访", "改期走访"], "budget": ["100.00", "250.50"]}


def test_saving_without_a_change_is_no_act(book):
    id_ = new_plan(book)
    done(book.person("sales").edit("visit_plan", id_))
    assert len(entries(book, type="visit_plan", record_id=id_)) == 1
    assert book.read("visit_plan", id_).revision == 1


def test_rows_of_a_child_table_are_told_as_added_changed_and_removed(book):
    customer_b = book.id("customer", name="客户B")
    id_ = new_plan(book, **{"visits-1-customer": customer_b, "visits-1-planned_on": "2024-11-06",
                            "visits-1-visitor": book.user("technician")})
    person = book.person("sales")
    form = person.form(f"/admin/visit_plan/edit/?id={id_}")
    gone = {name: value for name, value in form.items() if not name.startswith("visits-1-")}
    done(person.post(f"/admin/visit_plan/edit/?id={id_}", {
        **gone, "visits-0-purpose": "问满意度", "visits-2-customer": customer_b, "visits-2-planned_on": "2024-11-20",
        "visits-2-visitor": book.user("technician")}))
    rows = last(book, type="visit_plan", record_id=id_).changes["lines"]["visits"]
    told = {next(key for key in row if key != "row"): row for row in rows}
    assert set(told) == {"added", "removed", "changed"} and len(rows) == 3
    assert told["changed"] == {"row": 1, "changed": {"purpose": [None, "问满意度"]}}
    assert told["added"]["added"]["planned_on"] == "2024-11-20"
    assert told["removed"]["removed"]["planned_on"] == "2024-11-06"


def test_a_move_is_kept_under_its_name_with_comment_revision_and_what_it_stamped(book):
    card = book.person("technician").create("info_flow_card", book.flow_card())
    done(book.person("technician").move("info_flow_card", card, "send"))
    done(book.person("customer_service").move("info_flow_card", card, "route", comment="请尽快"))
    entry = last(book, type="info_flow_card", record_id=card)
    assert (entry.action, entry.comment, entry.revision) == ("move:route", "请尽快", 3)
    assert entry.actor_id == book.user("customer_service")
    assert entry.changes["state"] == ["at_info_center", "sent_to_qa"] and entry.changes["sent_to_qa_at"][0] is None


def test_voiding_keeps_its_reason_and_the_record(book):
    card = book.person("technician").create("info_flow_card", book.flow_card())
    done(book.person("technician").move("info_flow_card", card, "void", comment="重复填写"))
    entry = last(book, type="info_flow_card", record_id=card)
    assert (entry.action, entry.comment, entry.changes) == ("move:void", "重复填写", {"state": ["draft", "void"]})
    assert book.state("info_flow_card", card) == "void"


def test_an_acknowledgement_says_who_signed_which_row(book):
    card = book.person("technician").create("info_flow_card", book.flow_card(**{"receipts-0-unit": "U1"}))
    line = book.read("info_flow_card", card).receipts[0].id
    done(book.acknowledge("unit", "info_flow_card", card, line))
    entry = last(book, type="info_flow_card", record_id=card)
    assert (entry.action, entry.actor_id) == ("acknowledge", book.user("unit"))
    [row] = entry.changes["lines"]["receipts"]
    assert row["changed"]["signed_by"] == [None, book.user("unit")]


def test_an_export_and_an_uncovering_are_kept_though_they_change_nothing(book):
    customer = book.id("customer", name="客户A")
    assert book.person("sales").get("/admin/customer/export/csv/?province=重庆市&q=客户").status_code == 200
    entry = last(book, action="export")
    assert (entry.type, entry.actor_id, entry.record_id) == ("customer", book.user("sales"), None)
    assert entry.changes == {"filters": {"province": "重庆市"}, "search": "客户", "format": "csv", "rows": 2}
    manager = book.person("quality_manager")
    assert "13800001234" in manager.post(f"/admin/customer/{customer}/uncover", {"reason": "顾客来电核对"}).text
    entry = last(book, action="uncover")
    assert (entry.type, entry.number, entry.comment) == ("customer", "CUS-00001", "顾客来电核对")
    assert entry.actor_id == book.user("quality_manager")


def test_sign_ins_failures_and_sign_outs_are_kept(app, book):
    person = book.person("sales")
    token = person.token()
    client = app.test_client()
    with client.session_transaction() as session, person.client.session_transaction() as theirs:
        session["csrf_token"] = theirs["csrf_token"]
    for password in ("wrong", PASSWORD):
        client.post("/sign-in", data={"username": "sales", "password": password, "csrf_token": token})
    person.post("/sign-out")
    failed, signed_in, out = (last(book, action=action) for action in ("sign_in_failed", "sign_in", "sign_out"))
    assert (failed.number, failed.actor, failed.actor_id) == ("sales", "127.0.0.1", None)
    assert [(e.number, e.actor_id, e.door) for e in (signed_in, out)] == [("sales", book.user("sales"), "screen")] * 2
    assert PASSWORD not in str([e.changes for e in entries(book)])


def test_parameters_people_and_departments_are_kept(book):
    boss = book.person("administrator")
    done(boss.post("/admin/parameters/", {"name": "reply_hours", "value": "12", "valid_from": "2026-12-01"}))
    entry = last(book, action="set_parameter")
    assert (entry.number, entry.actor_id) == ("reply_hours", book.user("administrator"))
    assert entry.changes == {"value": ["24", "12"], "valid_from": [None, "2026-12-01"]}
    person = {"username": "newcomer", "name": "新人", "roles": ["sales"], "password": "ten letters or more"}
    done(boss.post("/admin/people/new", person))
    assert last(book, type="user", number="newcomer").changes == {"roles": [None, ["sales"]]}
    done(boss.post(f"/admin/people/{book.user('newcomer')}", {"name": "新人", "roles": ["finance"]}))
    assert last(book, type="user", number="newcomer").changes == {
        "roles": [["sales"], ["finance"]], "is_active": [True, False]}
    done(boss.post("/admin/units/", {"code": "U9", "name": "九分公司", "is_active": "y"}))
    assert last(book, action="set_unit").number == "U9"


def test_the_door_tells_console_job_and_import_apart(app, book):
    runner = app.test_cli_runner()
    assert runner.invoke(args=["parameter", "set", "reply_hours", "20"]).exit_code == 0
    assert last(book, action="set_parameter").door == "console"
    id_ = new_plan(book)
    book.as_it_was("visit_plan", id_, state="approved")
    assert last(book, type="visit_plan", record_id=id_).door == "import"
    book.act("system", "visit_plan", id_, "start")
    entry = last(book, type="visit_plan", record_id=id_)
    assert (entry.door, entry.actor, entry.actor_id) == ("job", "系统", None)


# In the same transaction ----------------------------------------------------------------------------------------------

def test_an_act_that_is_rolled_back_leaves_no_entry(book):
    before = count(book)
    with book.session() as session:
        act = Act(session, Actor.system())
        record = records.create(act, Record.types["visit_plan"], {
            "title": "撤回", "purpose": "x", "starts_on": "2024-11-01", "ends_on": "2024-11-30", "handler": book.user("sales")})
        mine = sa.select(AuditEntry.action).where(AuditEntry.type == "visit_plan", AuditEntry.record_id == record.id)
        assert session.scalars(mine).all() == ["create"]
        session.rollback()
    assert count(book) == before


def test_a_refused_form_or_move_leaves_no_entry(book):
    id_ = new_plan(book)
    before = count(book)
    person = book.person("sales")
    assert person.post("/admin/visit_plan/new/", book.visit_plan(title="")).status_code == 422
    assert person.edit("visit_plan", id_, ends_on="2024-10-01").status_code == 422
    assert person.move("visit_plan", id_, "complete").status_code == 403
    assert person.get("/admin/visit_plan/").status_code == 200
    assert count(book) == before


def test_what_is_undone_inside_a_bigger_act_leaves_no_entry(book):
    with book.session() as session:
        act = Act(session, Actor.system())
        plan = {"purpose": "x", "starts_on": "2024-11-01", "ends_on": "2024-11-30", "handler": book.user("sales")}
        kept = records.create(act, Record.types["visit_plan"], {"title": "留", **plan})
        attempt = session.begin_nested()
        records.create(act, Record.types["visit_plan"], {"title": "弃", **plan})
        attempt.rollback()
        session.commit()
        assert [e.record_id for e in session.scalars(sa.select(AuditEntry).filter_by(type="visit_plan"))] == [kept.id]
        assert not list(audit.verify(session))


def test_a_record_that_nobody_answers_for_is_not_saved(session):
    customer = session.scalars(sa.select(Record.types["customer"].model)).first()
    customer.name = "无人负责"
    with pytest.raises(Unaccounted):
        session.flush()
    session.rollback()
    plan = session.scalars(sa.select(Record.types["dealer_ledger"].model)).first()
    line = Record.types["dealer_ledger"].lines["equipment"].model(equipment_name="举升机", quantity=1)
    plan.equipment.append(line)
    with pytest.raises(Unaccounted):
        session.flush()


def test_the_act_of_one_transaction_does_not_answer_for_the_next(act):
    customer = act.find("customer")[0]
    customer.name = "改名"
    act.session.commit()
    customer.name = "再改名"
    with pytest.raises(Unaccounted):
        act.session.flush()


def test_a_record_is_never_deleted(act):
    act.session.delete(act.find("customer")[0])
    with pytest.raises(Unaccounted, match="never deleted"):
        act.session.flush()
    act.session.rollback()
    assert len(Act(act.session, Actor.system()).find("customer")) == 2


# The proof that it stands ---------------------------------------------------------------------------------------------

class Archive:
    """Two customers and a plan with history, and somebody with the password of the database."""

    def __init__(self, book):
        self.book = book
        self.a, self.b = book.id("customer", name="客户A"), book.id("customer", name="客户B")
        for name in ("甲", "乙", "丙"):
            done(book.person("sales").edit("customer", self.a, remark=name))
        self.plan = new_plan(book)
        with book.session() as session:
            self.numbers = {name: session.get(Record.types[name].model, id_).number
                            for name, id_ in (("customer", self.a), ("visit_plan", self.plan))}

    def tables(self, name):
        spec = Record.types[name]
        return spec.model.__table__, [child.model.__table__ for child in spec.lines.values()]

    def do(self, *statements):
        with self.book.session() as session:
            for statement in statements:
                session.execute(statement)
            session.commit()

    def chain(self, type_name="customer", id_=None):
        return [e.id for e in entries(self.book, type=type_name, record_id=id_ or self.a)]

    def entry(self, id_):
        with self.book.session() as session:
            return dict(session.execute(sa.select(ENTRIES).where(ENTRIES.c.id == id_)).mappings().one())

    def row(self, **values):
        table, _ = self.tables("customer")
        self.do(sa.update(table).where(table.c.id == self.a).values(values))

    def found(self):
        with self.book.session() as session:
            return [text.en for text in audit.verify(session)]

    def seal(self):
        with self.book.session() as session:
            sealed = audit.seal(session)
            session.commit()
            return sealed


@pytest.fixture
def archive(book):
    made = Archive(book)
    assert made.found() == [], "nothing was tampered with yet"
    return made


def change_the_row(it):
    it.row(credit_code="X")


def change_the_row_and_its_own_hash(it):
    it.row(credit_code="X")
    with it.book.session() as session:
        digest = audit.content_hash(session.get(Record.types["customer"].model, it.a))
    it.row(content_hash=digest)


def change_its_state(it):
    it.row(state="inactive")


def change_who_created_it(it):
    it.row(created_by_id=it.book.user("finance"))


def delete_the_row(it):
    table, _ = it.tables("visit_plan")
    it.do(sa.delete(table).where(table.c.id == it.plan))


def delete_an_entry(place):
    def delete(it):
        it.do(sa.delete(ENTRIES).where(ENTRIES.c.id == it.chain()[place]))
    delete.__name__ = f"delete_entry_{place}"
    return delete


def change_an_entry(column, value, place=1):
    def change(it):
        assert it.entry(it.chain()[place])[column] != value
        it.do(sa.update(ENTRIES).where(ENTRIES.c.id == it.chain()[place]).values({column: value}))
    change.__name__ = f"change_{column}_of_entry_{place}"
    return change


def append_an_entry(it):
    new = {**it.entry(it.chain()[-1]), "comment": "slipped in", "previous_hash": it.entry(it.chain()[-1])["hash"]}
    new["hash"] = audit.entry_hash(new)
    new.pop("id")
    it.do(sa.insert(ENTRIES).values(new))


def swap_the_entries_of_two_records(it):
    """Both chains stay unbroken; each tells the story of the other."""
    swapped = sa.case((ENTRIES.c.record_id == it.a, it.b), else_=it.a)
    it.do(sa.update(ENTRIES).where(ENTRIES.c.type == "customer").values(record_id=swapped))


TAMPERINGS = (
    change_the_row, change_the_row_and_its_own_hash, change_its_state, change_who_created_it, delete_the_row,
    *(delete_an_entry(place) for place in (0, 1, -1)),
    *(change_an_entry(column, value) for column, value in (
        ("actor", "somebody else"), ("actor_id", 1), ("door", "api"), ("action", "view"), ("comment", "x"),
        ("number", "CUS-99999"), ("revision", 77), ("changes", {}), ("content_hash", "0" * 64),
        ("previous_hash", "0" * 64), ("hash", "0" * 64), ("at", office.now() - timedelta(days=3)))),
    change_an_entry("changes", {"remark": [None, "无"]}, place=-1), append_an_entry, swap_the_entries_of_two_records)


@pytest.mark.parametrize("tamper", TAMPERINGS, ids=lambda tamper: tamper.__name__)
def test_what_is_changed_behind_the_audit_is_found_and_named(archive, tamper):
    tamper(archive)
    found = archive.found()
    named = ("CUS-00001", "CUS-99999", f"Customer visit plan id {archive.plan}:")
    assert any(name in sentence for name in named for sentence in found), found


@pytest.mark.parametrize("tamper", ["change", "delete", "add", "swap"])
def test_a_row_of_a_child_table_changed_behind_the_audit_is_found(archive, tamper):
    _, [lines] = archive.tables("visit_plan")
    mine = lines.c.record_id == archive.plan
    archive.do({
        "change": sa.update(lines).where(mine).values(purpose="改"), "delete": sa.delete(lines).where(mine),
        "add": sa.insert(lines).values(record_id=archive.plan, position=1, customer_id=archive.b),
        "swap": sa.update(lines).where(mine).values(customer_id=archive.b)}[tamper])
    [found] = archive.found()
    assert archive.numbers["visit_plan"] in found and "behind its audit" in found


def test_the_console_says_in_one_line_that_all_holds_or_names_each_record_and_fails(app, archive):
    def verify():
        return app.test_cli_runner().invoke(args=["audit", "verify"])
    archive.seal()
    assert (verify().exit_code, verify().output.count("\n")) == (0, 1)
    archive.row(credit_code="X")
    table, _ = archive.tables("visit_plan")
    archive.do(sa.update(table).values(title="换"))
    broken = verify()
    assert broken.exit_code == 1
    assert [number for number in archive.numbers.values() if number in broken.output] == [*archive.numbers.values()]
    assert len(broken.output.splitlines()) == 2


# Seals ----------------------------------------------------------------------------------------------------------------

def test_sealing_covers_all_new_entries_once(archive):
    assert archive.seal() == count(archive.book)
    assert archive.seal() == 0
    with archive.book.session() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(AuditSeal)) == 1
    done(archive.book.person("sales").edit("customer", archive.a, remark="丁"))
    assert archive.seal() == 1 and archive.seal() == 0
    assert archive.found() == []


def delete_record_and_entries(it):
    table, _ = it.tables("visit_plan")
    it.do(sa.delete(ENTRIES).where(ENTRIES.c.type == "visit_plan", ENTRIES.c.record_id == it.plan),
          sa.delete(table).where(table.c.id == it.plan))


def delete_an_entry_without_a_record(it):
    it.do(sa.delete(ENTRIES).where(ENTRIES.c.action == "set_parameter"))


def slip_one_in(it):
    new = {**it.entry(it.chain()[0]), "record_id": None, "action": "sign_in"}
    new["hash"] = audit.entry_hash(new)
    new.pop("id")
    it.do(sa.insert(ENTRIES).values(new))


def unseal_one(it):
    it.do(sa.update(ENTRIES).where(ENTRIES.c.id == it.chain()[0]).values(seal_id=None))


def of_seal(which, **values):
    def change(it):
        table = AuditSeal.__table__
        wanted = sa.select((sa.func.max if which == "last" else sa.func.min)(table.c.id)).scalar_subquery()
        statement = sa.update(table).values(values) if values else sa.delete(table)
        it.do(statement.where(table.c.id == wanted))
    change.__name__ = f"{'change' if values else 'delete'}_the_{which}_seal_{'_'.join(values)}"
    return change


@pytest.mark.parametrize("tamper", [
    delete_record_and_entries, delete_an_entry_without_a_record, slip_one_in, unseal_one,
    of_seal("first", hash="0" * 64), of_seal("last", hash="0" * 64), of_seal("last", entry_count=7),
    of_seal("last", previous_hash=""), of_seal("first", at=office.now() - timedelta(days=9)), of_seal("first"),
    of_seal("last")], ids=lambda tamper: tamper.__name__)
def test_once_sealed_even_what_leaves_no_trace_elsewhere_is_found(archive, tamper):
    archive.book.set_parameter("reply_hours", "20")
    archive.seal()
    new_plan(archive.book, title="第二次封存")
    archive.seal()
    assert archive.found() == []
    tamper(archive)
    found = archive.found()
    assert found and any("seal" in sentence for sentence in found), found
