"""What tests of single record types share: reading records back, acting at a given moment, and complete forms to begin
with."""

from __future__ import annotations

import html
import re
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from models.base import Record, db
from models.history import AuditEntry, DeadlineClock, Signature
from models.people import Membership, User
from rules import access, moves, office, parameters, records
from rules.act import Act
from tests import valid
from tests.browser_of_a_person import Person, problems

OFFICE = ZoneInfo("Asia/Shanghai")


def at(text):
    """`2024-10-02 09:00` on the office's clock."""
    return datetime.fromisoformat(text).replace(tzinfo=OFFICE).astimezone(UTC)


def done(answer):
    """The form or button was accepted."""
    assert answer.status_code == 302, told(answer) or problems(answer)
    return answer


def told(answer):
    """The sentences with which a screen refused: above the page, at the fields, or as a page of its own."""
    places = (r'class="message error"[^>]*>(.*?)</div>', r'class="error-text"[^>]*>(.*?)</p>',
              r'class="error-status".*?<p>(.*?)</p>')
    found = [part for place in places for part in re.findall(place, answer.text, re.S)]
    return " ".join(" ".join(html.unescape(re.sub(r"<[^>]+>", " ", part)).split()) for part in found)


def refused(answer, sentence, status=403):
    assert answer.status_code == status, problems(answer)
    assert sentence in told(answer), told(answer) or problems(answer)


def why_not(act, record, move):
    """The sentence with which a move is refused on the record as it stands, or nothing."""
    reason = moves.unmet(act, record, record.spec.workflow.move(move))
    return reason.zh if reason else ""


def charge_notice(session, state, price, **of):
    item = {"item_name": "修理", "kind": "labour", "quantity": "1", "unit_price": price}
    return valid.record(session, "service_charge_notice", state, warranty_status="out", items=[item], **of)


class Casebook:
    """The records of the application as they stand, and the people who work on them."""

    def __init__(self, app):
        self.app, self._people, self._ids = app, {}, {}

    def person(self, username):
        """Signed in once a test, in a browser of their own."""
        if username not in self._people:
            self._people[username] = Person(self.app, username)
        return self._people[username]

    @contextmanager
    def session(self):
        with self.app.app_context():
            yield db.session
            db.session.remove()

    # reading ------------------------------------------------------------------------------------------------------------

    def user(self, username):
        with self.session() as session:
            return session.scalar(sa.select(User.id).where(User.username == username))

    def id(self, type_name, **equals):
        """The id of the record of the small company that has these values."""
        key = (type_name, *equals.items())
        if key not in self._ids:
            with self.session() as session:
                model = Record.types[type_name].model
                self._ids[key] = session.scalars(sa.select(model.id).filter_by(**equals)).one()
        return self._ids[key]

    def ids(self, type_name, **equals):
        with self.session() as session:
            model = Record.types[type_name].model
            return list(session.scalars(sa.select(model.id).filter_by(**equals).order_by(model.id)))

    def read(self, type_name, id_):
        """The fields and child tables of a record by their published names, with its state, number and revision."""
        with self.session() as session:
            record = session.get(Record.types[type_name].model, id_)
            return SimpleNamespace(
                **{name: getattr(record, name) for name in ("id", "state", "number", "revision")},
                **{name: getattr(record, field.column) for name, field in record.spec.fields.items()},
                **{name: [SimpleNamespace(id=row.id, **{n: getattr(row, f.column) for n, f in child.fields.items()})
                          for row in getattr(record, name)] for name, child in record.spec.lines.items()})

    def state(self, type_name, id_):
        return self.read(type_name, id_).state

    def clock(self, type_name, id_, name):
        """(state, due moment) of a promise; None where none is owed."""
        with self.session() as session:
            found = session.scalar(sa.select(DeadlineClock).where(
                DeadlineClock.type == type_name, DeadlineClock.record_id == id_, DeadlineClock.name == name))
            return found and (found.state, found.due_at)

    def signatures(self, type_name, id_):
        """(round, role, state, who) of every signature asked for."""
        with self.session() as session:
            rows = session.execute(
                sa.select(Signature.round, Signature.role, Signature.state, User.username)
                .outerjoin(User, User.id == Signature.signed_by_id)
                .where(Signature.type == type_name, Signature.record_id == id_)
                .order_by(Signature.round, Signature.step))
            return [tuple(row) for row in rows]

    def audited(self, type_name, id_, action):
        with self.session() as session:
            return list(session.scalars(sa.select(AuditEntry.comment).where(
                AuditEntry.type == type_name, AuditEntry.record_id == id_, AuditEntry.action == action)))

    # acting at a given moment -------------------------------------------------------------------------------------------

    def act(self, username, type_name, id_, move, *, now=None, comment="", **fields):
        """What the screen does, at a given moment."""
        with self.session() as session:
            actor = access.Actor.system()
            if username != "system":
                actor = access.Actor.of(session.scalar(sa.select(User).where(User.username == username)), "screen")
            act = Act(session, actor, comment, now=now)
            record = records.find(session, actor, Record.types[type_name], id_)
            moves.make(act, record, move, revision=record.revision, fields=fields)
            session.commit()

    def edit(self, username, type_name, id_, *, now=None, **fields):
        with self.session() as session:
            actor = access.Actor.of(session.scalar(sa.select(User).where(User.username == username)), "screen")
            record = records.find(session, actor, Record.types[type_name], id_)
            records.edit(Act(session, actor, now=now), record, record.revision, fields)
            session.commit()

    def acknowledge(self, username, type_name, id_, line_id):
        return self.person(username).post(f"/admin/{type_name}/{id_}/acknowledge/{line_id}")

    def as_it_was(self, type_name, id_, **values):
        """Puts moments or states into a record as history has them."""
        with self.session() as session:
            act = Act(session, access.Actor.system("import"), is_history=True)
            record = session.get(Record.types[type_name].model, id_)
            for name, value in values.items():
                field = record.spec.fields.get(name)
                setattr(record, field.column if field else name, value)
            records.keep(act, record, {})
            session.commit()

    def grant(self, username, *roles):
        """Gives a person further roles."""
        with self.session() as session:
            user = session.scalar(sa.select(User).where(User.username == username))
            user.memberships += [Membership(role=role) for role in roles]
            session.commit()

    def set_parameter(self, name, value):
        with self.session() as session:
            parameters.set_value(Act(session, access.Actor.system()), name, value, office.today() - timedelta(days=400))
            session.commit()

    # forms to begin with ------------------------------------------------------------------------------------------------

    def visit_plan(self, **changes):
        return {
            "title": "十一月重点顾客走访", "purpose": "听取意见", "starts_on": "2024-11-01", "ends_on": "2024-11-30",
            "handler": self.user("sales"), "visits-0-customer": self.id("customer", name="客户A"),
            "visits-0-planned_on": "2024-11-05", "visits-0-visitor": self.user("technician"), **changes}

    def visit_report(self, **changes):
        return {
            "customer": self.id("customer", name="客户A"), "visited_on": "2024-11-05", "visitor": self.user("technician"),
            "customer_info": "使用正常", "is_rectification_required": "false", **changes}

    def flow_card(self, **changes):
        return {
            "source": "site_visit", "customer": self.id("customer", name="客户A"),
            "product_batch": self.id("product_batch", batch_no="B2608"), "quantity": "10", "defect_quantity": "2",
            "quality_info": "装机时有异响", "handler": self.user("technician"), **changes}

    def quality_info(self, **changes):
        return {
            "received_at": "2024-11-02T09:00", "intake_unit": "marketing", "customer": self.id("customer", name="客户A"),
            "contact_person": "张三", "phone": "13800001111", "province": "重庆市",
            "product_batch": self.id("product_batch", batch_no="B2608"), "quantity": "3", "fault_category": "engine",
            "fault_description": "发动机异响", **changes}

    def complaint(self, **changes):
        """A quality complaint with a loss, ready to be registered."""
        return {
            "received_at": "2024-11-02T09:00", "channel": "phone", "severity": "normal", "time_limit": "standard",
            "customer": self.id("customer", name="客户A"), "contact_person": "张三", "phone": "13800001111",
            "product_batch": self.id("product_batch", batch_no="B2608"), "order_no": "DD-1", "part_no": "LH-1",
            "quantity": "100", "defect_quantity": "8", "shipped_on": "2024-10-20", "complaint_type": "quality",
            "fault_category": "appearance", "complaint_reason": "板面划伤", "customer_demand": "返工",
            "has_loss": "true", **changes}

    def contact_memo(self, **changes):
        return {
            "customer": self.id("customer", name="客户A"), "contacted_at": "2024-11-02T09:30", "channel": "phone",
            "contact_reason": "complaint", "contact_person": "张三", "handler": self.user("sales"),
            "subject": "板面划伤", "content": "八片有划痕，要求返工", **changes}

    def recorded_memo(self, by="sales", **changes):
        """A contact memo that may be named in a case."""
        memo = self.person(by).create("customer_contact_memo", self.contact_memo(**changes))
        done(self.person(by).move("customer_contact_memo", memo, "record"))
        return memo

    def corrective_action(self, **changes):
        return {
            "source_type": "other", "problem": "缸体有砂眼", "is_confirmed_problem": "true", "responsible_unit": "U1", **changes}

    def repair_file(self, by):
        """A repair of this dealer, for which parts are lacking."""
        with self.session() as session:
            file = valid.record(session, "customer_repair_file", place=valid.HERE if by == "dealer_f001" else valid.THERE)
            session.commit()
            return file.id

    def feedback_sheet(self, sheet, state="submitted", **given):
        """The feedback sheet of the visit to this quality information: signed by the user, and received by both."""
        now = office.now()
        received = {"quality_received_at": now, "marketing_received_at": now} if state == "submitted" else {}
        with self.session() as session:
            slip = valid.record(session, "quality_disposition_feedback", state, **{
                "quality_info_transfer": sheet, "signed_at": None if state == "draft" else now, **received, **given})
            session.commit()
            return slip.id

    def charge_notice(self, state, price, **of):
        """What the customer was told that one job costs out of warranty, for a work order or a repair file."""
        with self.session() as session:
            notice = charge_notice(session, state, price, **of)
            session.commit()
            return notice.id

    def urgent_order(self, by="dealer_f001", **changes):
        return {
            "customer_repair_file": self.repair_file(by),
            "shortage_reason": "维修缺气缸垫", "needed_at": "2024-11-25T09:00", "contact_person": "李四",
            "phone": "13900002222", "address": "路 1 号", "parts-0-line_no": "1", "parts-0-part_no": "P-1",
            "parts-0-part_name": "气缸垫", "parts-0-unit_of_measure": "件", "parts-0-quantity": "2", **changes}
