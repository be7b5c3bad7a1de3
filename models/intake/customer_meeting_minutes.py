"""质量工作会议/用户座谈会纪要."""

from models.base import Line, Record, choice, day, lines, link, longtext, moment, person, text, unit
from models.conditions import every_line, is_changed
from models.spec import Condition, Deadline, Default, Move, RecordType, Series, Text, Workflow, states


def take_back(minutes, act) -> None:
    """Sent back to who wrote them: nothing is owed until they are issued again."""
    minutes.issued_at = None


CUSTOMER_WAS_THERE = Condition(
    lambda minutes, act: any(row.customer_id for row in minutes.attendees),
    Text("参加人中至少一人须注明顾客", "At least one attendee names a customer"))


class Attendee(Line, of="customer_meeting_minutes"):
    """Somebody at the meeting, of a customer or of the company."""

    customer_id = link("customer", "顾客")
    person_name = text("姓名", "Name", required=True, origin="P", private=True)
    job_title = text("单位/职务", "Company and position", origin="P")   # `position` is the order of the rows


class Opinion(Line, of="customer_meeting_minutes"):
    """What a customer thinks of one aspect."""

    customer_id = link("customer", "顾客", required=True)
    aspect = choice("意见方面", ("quality", "产品质量"), ("packaging", "产品包装"), ("delivery", "产品交付"),
                    ("service", "服务"), ("price", "价格"), ("other", "其他"), required=True)
    opinion = longtext("意见", required=True)


class Action(Line, of="customer_meeting_minutes"):
    """What was agreed to be done, by whom and until when."""

    action = longtext("行动", required=True, origin="P")
    handler_id = person("责任人", required=True, origin="P")
    responsible_unit = unit("责任单位", origin="P")
    due_on = day("期限", required=True, origin="P")
    done_on = day("完成日期", origin="P")
    result_text = longtext("完成情况", "Result", origin="P")
    corrective_action_id = link("corrective_action", "纠正和预防措施", origin="X")


def handlers(minutes):
    return [row.handler_id for row in minutes.actions]


class CustomerMeetingMinutes(Record):
    """The quality section or the sales branch writes the minutes of a quality meeting or user
    symposium, collecting the customers' opinions and the agreed actions."""

    meeting_kind = choice("会议类别", ("quality_meeting", "质量工作会议"), ("user_symposium", "用户座谈会"),
                          ("customer_visit", "用户走访"), required=True, group=("会议", "The meeting"))
    held_at = moment("会议时间", required=True, origin="P")
    place = text("地点", required=True, origin="P")
    chairperson_id = person("主持人", origin="P")
    recorder_id = person("记录人", origin="P", default=Default.CURRENT_USER)
    topic = text("议题", required=True, origin="P", group=("内容与决议", "Content and resolution"))
    content = longtext("会议内容", origin="P")
    resolution = longtext("决议", origin="P")
    issued_at = moment("发布时间", origin="X", group=("行动项跟踪", "Actions"))
    next_action_due_on = day("最近行动期限", origin="X", derived=(
        "earliest due_on of the actions rows without done_on"))
    closed_at = moment("关闭时间", origin="X")
    attendees = lines(Attendee, "参加人")
    opinions = lines(Opinion, "顾客意见")
    actions = lines(Action, "行动项")

    def derive(self, act):
        due = [row.due_on for row in self.actions if row.due_on and not row.done_on]
        self.next_action_due_on = min(due, default=None)

    def check(self, act):
        if self.state == "issued" and act.move is None:
            for name in ("attendees", "opinions", *self.spec.fields):
                field = self.spec.fields.get(name)
                if (field is None or field.typed) and is_changed(self, name):
                    yield name, Text("已发布的纪要只跟踪行动项；内容有误请退回修改",
                                     "Of issued minutes only the actions are kept up to date: have them sent back")

    spec = RecordType(
        code="CMM", zh="质量工作会议/用户座谈会纪要", en="Customer meeting minutes",
        source="001 §5.2.1 (second); 003 二(二)", series=Series("CMM-{yyyy}{mm}-{n:04}"), title="topic",
        list=("number", "meeting_kind", "held_at", "topic", "place", "next_action_due_on", "state"),
        search=("number", "topic", "content", "resolution"),
        filters=("state", "meeting_kind", "held_at", "next_action_due_on"), retention_years=3,
        workflow=Workflow(
            states(("draft", "草稿"), ("issued", "已发布"), ("closed", "已关闭")),
            moves=(
                Move("issue", "发布", source=("draft",), to="issued",
                     by=("sales", "sales_lead", "quality_engineer"),
                     requires=("topic", "held_at", "attendees", "opinions"), stamps=("issued_at",),
                     when=(CUSTOMER_WAS_THERE,),
                     tells=handlers),
                Move("close", "关闭", source=("issued",), to="closed", by=("quality_manager",),
                     stamps=("closed_at",),
                     when=(every_line("actions", "done_on"), every_line("actions", "result_text"))),
                Move("send_back", "退回修改", source=("issued",), to="draft", by=("quality_manager",),
                     comment=True, then=take_back),
            ),
            maintained=("issued",)),
        deadlines=(
            Deadline("actions", "next_action_due_on", starts="issued_at", met_by="closed_at", tell=("owner",)),
        ),
        access={
            "quality_engineer": "CEVX", "quality_manager": "AV", "sales": "CEV", "sales_lead": "CEV",
            "unit": "K", "unit_lead": "K", "management_representative": "V", "deputy_gm": "V",
            "general_manager": "V",
        },
        rules=(
            "every action has a handler and a due_on",
            "minutes cannot close while an action is open",
            "at least one attendee names a customer",
            "of issued minutes only the actions are kept up to date",
        ),
    )
