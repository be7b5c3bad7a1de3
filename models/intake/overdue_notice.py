"""逾期反应单."""

from datetime import timedelta
from decimal import Decimal

import sqlalchemy as sa

from models.base import Record, choice, decimal, longtext, moment, person, rounded, text, unit
from models.history import DeadlineClock
from models.people import Membership, User
from models.settings import PARAMETERS
from models.spec import SYSTEM, VOID, Condition, Deadline, Default, Move, RecordType, Series, Text, Workflow, states

SPANS = {"h": "小时", "d": "天", "wd": "个工作日"}
# level -> the next one, the hours after the limit at which it is reached, and the roles of which one is told
LEVELS = {
    "level_1": ("level_2", "overdue_level_2_hours", ("unit_lead", "quality_manager")),
    "level_2": ("level_3", "overdue_level_3_hours", ("deputy_gm",)),
}


def raise_notices(clocks, act) -> list:
    """For the job that watches the clocks: the notice of each step that passed its limit. A step has one."""
    known, notices = _known(clocks, act), []
    for clock in clocks:
        record = act.get(clock.type, clock.record_id)
        deadline = next(row for row in record.spec.deadlines if row.name == clock.name)
        # What has no number yet is named by its id, and may have got a number since.
        names = [name for name in (record.number, f"#{record.id}") if name]
        keys = [(clock.type, name, deadline.id or deadline.name, clock.due_at) for name in names]
        notice = next((known[key] for key in keys if key in known), None)
        if notice is None:
            act.known["subject", clock.type, names[0]] = record
            notice = known[keys[0]] = _new(keys[0], record, deadline, clock, act)
        notices.append(notice)
    return notices


def _known(clocks, act) -> dict:
    found = act.session.scalars(sa.select(OverdueNotice).where(
        OverdueNotice.due_at.in_({clock.due_at for clock in clocks}), OverdueNotice.state != VOID))
    return {(row.subject_type, row.subject_number, row.deadline_id, row.due_at): row for row in found}


def _new(key, record, deadline, clock, act):
    type_name, number, deadline_id, due_at = key
    return act.new(
        "overdue_notice", subject_type=type_name, subject_number=number, deadline_id=deadline_id, due_at=due_at,
        deadline_name=_step(record.spec, deadline).zh, limit_text=_limit(record, deadline, clock, act),
        responsible_unit=getattr(record, "responsible_unit", None),
        handler=holder_of(record, deadline) or record.created_by_id)


def holder_of(record, deadline) -> int | None:
    """Whose step it is, where the record names somebody."""
    named = getattr(record, record.spec.fields[deadline.holder].column) if deadline.holder else None
    return named or getattr(record, "handler_id", None)


def _step(spec, deadline) -> Text:
    return spec.fields[deadline.met_by or deadline.limit].label


def _limit(record, deadline, clock, act) -> str:
    parameter = PARAMETERS.get(deadline.limit)
    if parameter is None:
        return record.spec.fields[deadline.limit].label.zh
    return f"{clock.allowance}{SPANS[parameter.unit]}"


def subject_of(notice, act):
    """The record that the notice is about."""
    name = notice.subject_number or ""
    if notice.subject_type not in notice.types:
        return None
    if ("subject", notice.subject_type, name) in act.known:
        return act.known["subject", notice.subject_type, name]
    if name.startswith("#") and name[1:].isdigit():
        return act.get(notice.subject_type, int(name[1:]))
    return next(iter(act.find(notice.subject_type, number=name)), None)


def deadline_of(notice):
    """By its id; of several with the same id the one whose step the notice names."""
    spec = notice.types[notice.subject_type]
    found = [row for row in spec.deadlines if notice.deadline_id == (row.id or row.name)]
    named = (row for row in found if _step(spec, row).zh == notice.deadline_name)
    return next(named, found[0] if found else None)


def is_done(notice, act) -> bool:
    """The step has been taken, is not owed any more, or has got another limit."""
    subject = subject_of(notice, act)
    deadline = subject and deadline_of(notice)
    if deadline is None:
        return False
    clock = act.session.scalar(sa.select(DeadlineClock).where(
        DeadlineClock.type == notice.subject_type, DeadlineClock.record_id == subject.id,
        DeadlineClock.name == deadline.name))
    if clock is None or clock.state != "running" or clock.due_at > act.now:
        return True
    return notice.created_by_id is None and clock.due_at != notice.due_at   # it has another notice by now


def is_due_for_more(notice, act) -> bool:
    if notice.level not in LEVELS:
        return False
    _, hours, _ = LEVELS[notice.level]
    return act.now >= notice.due_at + timedelta(hours=act.parameter(hours, at=notice.due_at))


def raise_level(notice, act) -> None:
    """The next level, and somebody of the first role that is held by anybody: a head of the responsible unit, not of
    another one."""
    notice.level, _, roles = LEVELS[notice.level]
    for role in roles:
        query = sa.select(User.id).join(Membership).where(User.is_active, Membership.role == role)
        if role == "unit_lead":
            query = query.where(Membership.unit == notice.responsible_unit)
        notice.escalated_to_id = act.session.scalar(query.order_by(User.id).limit(1))
        if notice.escalated_to_id is not None:
            return


def ask_again(notice, act) -> None:
    notice.answered_at = None


LATE_ENOUGH = Condition(is_due_for_more, Text(
    "尚未到下一级逾期升级的时间", "The next level of overdue is not reached yet"))
LATER_THAN_NOW = Condition(
    lambda notice, act: notice.new_due_at > act.now, Text("新期限须晚于现在", "The new limit must lie in the future"))
STEP_IS_DONE = Condition(is_done, Text(
    "该逾期步骤尚未完成，完成后方可消除", "The overdue step is not done yet: the notice is cleared once it is"))


class OverdueNotice(Record):
    """The system (for the general manager's business office) issues it for every step that passed its
    deadline, and the responsible unit answers with a reason and a new date."""

    subject_type = text("逾期单据类别", required=True, group=("逾期步骤", "What is overdue"), help=(
        "单据类型名称，如 complaint_case", "Name of the record type, e.g. complaint_case"))
    subject_number = text("逾期案件号", required=True)
    deadline_id = text("期限编号", required=True, origin="X", help=("如 SLA-26", "E.g. SLA-26"))
    deadline_name = text("逾期步骤", "Overdue step", required=True, origin="X")
    limit_text = text("处理时效", "Time limit", required=True, help=(
        "如 24小时、5个工作日", "E.g. 24 h, 5 working days"))
    due_at = moment("原期限", required=True, origin="X", help=(
        "按时率按原期限计算，新期限不改变它", "On-time figures go by this one, whatever the new limit"))
    issued_at = moment("发出时间", required=True, origin="X", default=Default.NOW)
    overdue_days = decimal("逾期天数", origin="P", measure="d", derived=(
        "(cleared_at or now - due_at) / 24 h; while open, as of the last save"))
    level = choice("逾期级别", ("level_1", "一级"), ("level_2", "二级"), ("level_3", "三级"), required=True,
                   origin="X", default="level_1", group=("升级", "Escalation"))
    escalated_to_id = person("升级通知人", origin="X", system=True)
    escalated_at = moment("升级时间", origin="X")
    responsible_unit = unit("责任部门", origin="P", group=("签复", "Answer"))
    handler_id = person("责任人", origin="P")
    reason = longtext("逾期原因说明", origin="P")
    new_due_at = moment("新期限", origin="P")
    answered_at = moment("签复时间", origin="P")
    cleared_at = moment("消除时间", origin="X")

    def derive(self, act):
        self.overdue_days = None
        if self.due_at:
            late = (self.cleared_at or act.now) - self.due_at
            self.overdue_days = max(Decimal(0), rounded(Decimal(late.total_seconds()) / 86_400))

    def check(self, act):
        if self.subject_type not in self.types:
            yield "subject_type", Text("没有这一单据类型，请填写类型名称，如 complaint_case",
                                       "There is no such record type: give its name, e.g. complaint_case")
        elif subject_of(self, act) is None:
            yield "subject_number", Text("该类单据中没有这个编号", "No record of this type has this number")
        elif deadline_of(self) is None:
            yield "deadline_id", Text("该类单据没有这一期限", "Records of this type have no such deadline")

    spec = RecordType(
        code="ODN", zh="逾期反应单", en="Overdue notice", source="002 客户投诉管理办法 (二), (七)3(1)",
        series=Series("ODN-{yyyy}{mm}-{n:04}"),
        scope={"unit": "responsible_unit", "unit_lead": "responsible_unit"},
        list=("number", "subject_type", "subject_number", "deadline_name", "due_at", "overdue_days", "level",
              "responsible_unit", "state"),
        search=("number", "subject_number", "reason"),
        filters=("state", "level", "subject_type", "deadline_id", "responsible_unit", "due_at"),
        unique=(("subject_type", "subject_number", "deadline_id", "due_at"),), retention_years=3,
        workflow=Workflow(
            states(("issued", "已发出"), ("answered", "已签复"), ("cleared", "已消除")),
            moves=(
                Move("escalate", "升级", source=("issued",), to="issued", by=(SYSTEM,),
                     stamps=("escalated_at",), when=(LATE_ENOUGH,), then=raise_level),
                Move("answer", "签复", source=("issued",), to="answered",
                     by=("unit", "unit_lead", "quality_engineer"), requires=("reason", "new_due_at"),
                     stamps=("answered_at",), when=(LATER_THAN_NOW,)),
                Move("send_back", "退回重签", source=("answered",), to="issued",
                     by=("customer_service", "quality_manager"), comment=True, then=ask_again),
                Move("clear", "消除", source=("issued", "answered"), to="cleared",
                     by=("customer_service", SYSTEM), stamps=("cleared_at",), when=(STEP_IS_DONE,)),
            )),
        deadlines=(
            Deadline("level_2", "overdue_level_2_hours", starts="due_at", met_by="cleared_at",
                     tell=("unit_lead", "quality_manager"), id="SLA-27", during=("issued",), escalates=False),
            Deadline("level_3", "overdue_level_3_hours", starts="due_at", met_by="cleared_at",
                     tell=("deputy_gm",), id="SLA-27", during=("issued",), escalates=False),
            Deadline("new_limit", "new_due_at", starts="answered_at", met_by="cleared_at",
                     tell=("unit_lead", "quality_manager"), during=("answered",), escalates=False),
        ),
        access={
            "customer_service": "CEVX", "quality_engineer": "EK", "quality_manager": "AV", "unit": "EK",
            "unit_lead": "EK", "management_representative": "V", "deputy_gm": "V", "general_manager": "V",
        },
        rules=(
            "the job makes exactly one notice per overdue step (subject_type, subject_number, deadline_id, "
            "due_at)",
            "SLA-27 level 1 at once, level 2 at due_at + 24 h, level 3 at due_at + 72 h",
            "an answered notice rises no further; once new_due_at has passed too, the unit's head and the quality "
            "manager are told",
            "new_due_at does not change the original due date in on-time statistics",
            "a notice can be cleared only when the step it names is done",
        ),
    )
