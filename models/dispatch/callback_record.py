"""回访记录."""

from datetime import timedelta

import sqlalchemy as sa

from models.base import (
    Line,
    Record,
    choice,
    integer,
    lines,
    link,
    longtext,
    moment,
    person,
    phone,
    text,
    yes_no,
)
from models.choices import SATISFACTION_LEVELS
from models.conditions import actor_is_not, one_of
from models.spec import Condition, Deadline, Move, RecordType, Series, Text, Workflow, states


SOURCES = ("quality_disposition_feedback", "quality_info_transfer", "work_order", "customer_repair_file",
           "complaint_case")
# What is called back, when its service ended, and its states while it is done again.
SERVED_AGAIN = (
    ("quality_info_transfer", "disposed_at", ("replying", "assigned", "dispatched", "on_site")),
    ("work_order", "finished_at", ("dispatched", "appointed", "arrived", "deferred", "taken_back", "finished")),
    ("complaint_case", "effect_confirmed_at", ("executing", "disputed")),
)


def note_in_sheet(callback, act) -> None:
    """What the user said is noted in the sheet or complaint that is called back, and in the remark of its feedback
    sheet."""
    level = callback.spec.fields["satisfaction_level"].choice_label(callback.satisfaction_level)
    words = f"回访 {callback.number}（{level.zh}）：{callback.remark}"
    for name in ("quality_info_transfer", "quality_disposition_feedback"):
        sheet = act.get(name, getattr(callback, f"{name}_id"))
        if sheet is None or sheet.spec.workflow.is_terminal(sheet.state):
            continue
        if name == "quality_info_transfer":   # the feedback sheet keeps what the user signed
            sheet.satisfaction_level = callback.satisfaction_level
        sheet.remark = f"{sheet.remark}\n{words}" if sheet.remark else words
        act.touch(sheet)
    case = act.get("complaint_case", callback.complaint_case_id)
    if case is not None and not case.spec.workflow.is_terminal(case.state):
        case.satisfaction_level = callback.satisfaction_level
        act.touch(case)


def is_followed_up(callback, act) -> bool:
    if callback.follow_up == "corrective_action":
        return callback.corrective_action_id is not None
    return callback.follow_up == "reopened" and is_reopened(callback, act)


def is_reopened(callback, act) -> bool:
    """The case is being handled again, or has been since the call."""
    for name, ended, under_way in SERVED_AGAIN:
        record = act.get(name, getattr(callback, f"{name}_id"))
        done_at = getattr(record, ended) if record else None
        if record and (record.state in under_way or (done_at and callback.called_at and done_at > callback.called_at)):
            return True
    return False


FOLLOWED_UP = Condition(is_followed_up, Text(
    "用户不满意的，须重开服务（原质量信息或派工单已再次处理），或选择“纠正和预防措施”并关联该记录",
    "A dissatisfied user needs a reopened service (sheet or work order is being handled again) or a linked "
    "corrective action"))
TRIED_OFTEN_ENOUGH = Condition(
    lambda callback, act: callback.count_failed() >= act.parameter("callback_attempts"),
    Text("未接通的拨打次数不足，请继续拨打并记录",
         "Too few failed calls on record: call again and record it"))


class Attempt(Line, of="callback_record"):
    """One call that was tried."""

    called_at = moment("拨打时间", required=True, origin="P")
    result = choice("结果", ("reached", "接通"), ("no_answer", "无人接听"), ("wrong_number", "号码有误"),
                    ("refused", "拒访"), ("call_later", "稍后再拨"), required=True, origin="P")
    remark = text("备注", origin="P")


class CallbackRecord(Record):
    """The quality department or customer service phones the user after every service, records the
    satisfaction, notes it on the feedback sheet and reports to the leader in charge."""

    quality_disposition_feedback_id = link("quality_disposition_feedback", "产品质量信息处置结果反馈单")
    quality_info_transfer_id = link("quality_info_transfer", "产品质量信息传递处置单", origin="X",
                                    group=("服务", "The service"))
    work_order_id = link("work_order", "派工单", origin="X")
    customer_repair_file_id = link("customer_repair_file", "客户维修档案", origin="X")
    complaint_case_id = link("complaint_case", "客户投诉处理表", origin="X")
    customer_id = link("customer", "用户", required=True)
    contact_person = text("受访人", private=True, origin="P")
    phone = phone("联系电话", private=True, origin="P")
    dealer_id = link("dealer_ledger", "服务商", origin="X")
    technician_id = person("服务人员", origin="X",
                           help=("实施服务的人员，不得担任回访人", "Who served; may not be the caller"))
    served_at = moment("服务完成时间", required=True, origin="X")
    due_at = moment("回访期限", origin="X", derived="served_at + parameter callback_days",
                    group=("回访", "The call"))
    method = choice("回访方式", ("phone", "电话"), ("visit", "登门"), ("message", "短信微信"),
                    ("email", "电子邮件", "E-mail"), default="phone")
    caller_id = person("回访人", origin="P")
    called_at = moment("回访时间", origin="P")
    is_reached = yes_no("已接通", origin="X", derived="called_at is set")
    failed_attempts = integer("未接通次数", origin="P",
                              derived="number of attempts lines whose result is not reached")
    satisfaction_level = choice("用户满意情况", SATISFACTION_LEVELS, group=("用户评价", "What the user said"))
    attitude_level = choice("服务态度评价", SATISFACTION_LEVELS, origin="P")
    timeliness_level = choice("及时性评价", SATISFACTION_LEVELS, origin="P")
    repair_quality_level = choice("维修质量评价", SATISFACTION_LEVELS, origin="P")
    charge_level = choice("收费评价", SATISFACTION_LEVELS, origin="P")
    dissatisfaction_reason = longtext("不满意原因", origin="P")
    suggestion = longtext("用户建议", origin="P")
    remark = longtext("回访情况(记入反馈单备注)")
    follow_up = choice("后续处理", ("none", "无"), ("reopened", "重开服务", "Service reopened"),
                       ("corrective_action", "纠正和预防措施"), origin="X",
                       group=("后续处理与汇报", "Follow-up and report"))
    corrective_action_id = link("corrective_action", "纠正和预防措施", origin="X")
    reported_at = moment("向分管领导汇报时间")
    attempts = lines(Attempt, "拨打记录")

    def count_failed(self):
        return sum(attempt.result not in (None, "reached") for attempt in self.attempts)

    def derive(self, act):
        slip = act.get("quality_disposition_feedback", self.quality_disposition_feedback_id)
        if slip is not None and self.quality_info_transfer_id is None:
            self.quality_info_transfer_id = slip.quality_info_transfer_id
        self.due_at = self.served_at and self.served_at + timedelta(
            days=act.parameter("callback_days", at=self.served_at))
        self.is_reached = self.called_at is not None
        self.failed_attempts = self.count_failed()

    def check(self, act):
        if all(getattr(self, f"{name}_id") is None for name in SOURCES):
            yield "quality_info_transfer", Text("请选择所回访服务的来源单据",
                                                "Choose the record that is called back")
        kept = sa.inspect(self).attrs
        if any(kept.satisfaction_level.history.deleted or ()) and self.called_at and not kept.called_at.history.added:
            yield "satisfaction_level", Text("用户已答复的满意情况不能改动",
                                             "What the user answered is not changed afterwards")

    spec = RecordType(
        code="CBK", zh="回访记录", en="Callback record", source="003 二(一), 三(六); 004 §5.6, §6.4",
        series=Series("CBK-{yyyy}{mm}-{n:04}"), scope={"dealer": "dealer", "technician": "technician"},
        list=("number", "served_at", "customer", "dealer", "technician", "due_at", "called_at",
              "satisfaction_level", "state"),
        search=("number", "dissatisfaction_reason", "suggestion", "remark"),
        filters=("state", "dealer", "technician", "caller", "satisfaction_level", "served_at", "due_at"),
        links_in=("work_order", "quality_disposition_feedback", "quality_info_transfer", "complaint_case",
                  "customer_repair_file"),
        workflow=Workflow(
            states(("due", "待回访"), ("attempted", "未接通"), ("dissatisfied", "不满意待处理"),
                   ("done", "已回访"), ("reported", "已汇报"), ("unreachable", "无法联系")),
            moves=(
                Move("attempt", "记录未接通", "Record failed attempt", source=("due", "attempted"),
                     to="attempted",
                     by=("customer_service", "quality_engineer"), requires=("attempts",)),
                Move("complete", "完成回访", source=("due", "attempted"), to="done",
                     by=("customer_service", "quality_engineer"), stamps=("caller", "called_at"),
                     requires=("contact_person", "method", "satisfaction_level", "remark"),
                     then=note_in_sheet,
                     when=(actor_is_not("technician"),
                           one_of("satisfaction_level", "very_satisfied", "satisfied", "neutral"))),
                Move("flag_dissatisfied", "登记不满意", "Record dissatisfaction", source=("due", "attempted"),
                     to="dissatisfied", by=("customer_service", "quality_engineer"),
                     stamps=("caller", "called_at"),
                     requires=("contact_person", "method", "satisfaction_level", "dissatisfaction_reason",
                               "remark"),
                     when=(actor_is_not("technician"),
                           one_of("satisfaction_level", "dissatisfied", "very_dissatisfied")),
                     then=note_in_sheet,
                     tells=("quality_manager",)),
                Move("resolve", "处理不满意", "Resolve dissatisfaction", source=("dissatisfied",), to="done",
                     by=("customer_service", "quality_engineer"), requires=("follow_up",),
                     when=(FOLLOWED_UP,)),
                Move("report", "向分管领导汇报", "Report to leader", source=("done",), to="reported",
                     by=("customer_service", "quality_engineer"), stamps=("reported_at",)),
                Move("give_up", "判定无法联系", source=("attempted",), to="unreachable",
                     by=("customer_service", "quality_engineer"), comment=True, when=(TRIED_OFTEN_ENOUGH,)),
            )),
        deadlines=(
            Deadline("callback", "callback_days", starts="served_at", met_by="called_at",
                     tell=("customer_service", "quality_manager"), id="SLA-19", holder="caller"),
        ),
        access={
            "customer_service": "CEVX", "technician": "v", "quality_engineer": "CEVX",
            "quality_manager": "VX", "dealer": "v", "deputy_gm": "KV", "general_manager": "V",
        },
        rules=(
            "BR-19 every completion of an after-sale service creates exactly one callback record (a "
            "reopened service gets a new one when completed again); its result is noted in the feedback "
            "sheet's remark",
            "a callback counts as completed for the record called back once called_at is set, in state "
            "dissatisfied too",
            "at least one of quality_disposition_feedback, quality_info_transfer, work_order, "
            "customer_repair_file, complaint_case is set",
            "the caller is not the technician who served",
            "dissatisfied or very_dissatisfied cannot end without a reopened service or a corrective_action",
            "satisfaction rate = (very_satisfied + satisfied) / records with called_at; callback rate = "
            "records with called_at / services completed, target 100 %",
            "unreachable needs at least 3 failed attempts on record",
        ),
    )
