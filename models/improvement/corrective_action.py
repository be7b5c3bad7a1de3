"""纠正和预防措施记录."""

from datetime import timedelta

import sqlalchemy as sa

from models.base import Line, Record, choice, day, lines, link, longtext, moment, person, text, unit, yes_no
from models.choices import FAULT_CATEGORIES
from models.conditions import (
    actor_is_not,
    both,
    either,
    every_line,
    filled,
    if_so,
    is_changed,
    is_false,
    is_true,
    one_of,
    saying,
)
from models.spec import Condition, Deadline, Move, RecordType, Series, Text, Workflow, choices, states

SOURCES = choices(
    ("info_flow_card", "信息流转卡", "Information flow card"),
    ("quality_info_transfer", "产品质量信息传递处置单", "Quality information transfer sheet"),
    ("complaint_case", "客户投诉处理表"), ("complaint_tracking_card", "投诉跟踪卡"),
    ("abnormality_sheet", "异常处理单"), ("field_service_record", "现场服务记录"),
    ("quality_disposition_feedback", "处置结果反馈单", "Disposition feedback"),
    ("return_exchange_claim", "退货/换货/索赔申请", "Return or exchange claim"),
    ("visit_report", "顾客走访报告"),
    ("satisfaction_report", "满意度分析报告"), ("quarterly_service_analysis", "顾客服务季度分析"),
    ("monthly_quality_analysis", "用户质量信息月分析报告"),
    ("customer_meeting_minutes", "会议纪要", "Meeting minutes"),
    ("competitor_improvement_info", "竞品与改进建议信息", "Competitor information"),
    ("major_incident_report", "较大以上质量事故报告"),
    ("quality_rectification_order", "质量整改令", "Rectification order"),
    ("callback_record", "回访记录"), ("outlet_quarterly_summary", "网点季度工作总结"),
    ("subsidiary_service_assessment", "子(分)公司检查考核", "Subsidiary assessment"),
    ("reward_penalty_notice", "奖罚通知", "Reward and penalty notice"),
    ("nonconformity_report", "不符合报告"),
    ("management_review_input", "管理评审输入"), ("other", "其他"),
)

SOURCE_NAMED = saying(
    either(one_of("source_type", "other"), filled("source_number")),
    "请填写来源单号；无来源单据的，来源选“其他”",
    "Give the number of the source, or choose “Other” as source")
VERIFIER_IS_OUTSIDER = Condition(
    lambda action, act: action.responsible_unit not in act.actor.units,
    Text("验证人不能是责任部门的人员", "The verifier may not belong to the responsible unit"))
NOTHING_LET_GO = saying(
    either(is_false("is_confirmed_problem"), both(*(is_true(name) for name in (
        "is_cause_found", "is_measure_implemented", "is_accountability_done", "is_education_done")))),
    "属实的质量问题须做到“四不放过”：原因已查清、措施已落实、责任已追究、员工已教育，方可关闭",
    "A confirmed problem closes only when cause found, measure implemented, accountability and education are "
    "all done")
CUSTOMER_ANSWERED = saying(
    if_so(is_true("is_reply_required"), both(filled("reply_text"), filled("replied_at"))),
    "须先向顾客回复，并填写回复内容和回复时间", "Reply to the customer first: fill in the reply and its time")


def take_back(action, act) -> None:
    """Sent back to who drafted it: nothing is promised until it is issued again."""
    action.issued_at = None


def do_again(action, act) -> None:
    """What failed was not done: the limit runs on until it is."""
    for column in ("action_done_at", "verified_by_id", "verified_at"):
        setattr(action, column, None)


# What is ticked as done must be written down.
EVIDENCE = {
    "is_cause_found": "cause", "is_accountability_done": "accountability_text",
    "is_education_done": "education_text",
}


# Where the records from which an action starts say what the problem is.
PROBLEM_IN = ("rectification_demand", "complaint_reason", "complaint_content", "fault_description", "quality_info",
              "gap", "dissatisfaction_reason", "content")


class Tracking(Line, of="corrective_action"):
    """One measure: who carries it out until when, and what came of it."""

    measure = longtext("措施", required=True)
    measure_kind = choice("措施类别", ("containment", "临时措施"), ("corrective", "纠正措施"),
                          ("preventive", "预防措施"), required=True, origin="P")
    handler_id = person("执行人", origin="P")
    due_on = day("计划完成日期", origin="P")
    completed_on = day("实际完成日期", origin="P")
    result_text = longtext("追踪结果")
    tracked_by_id = person("追踪人")


class CorrectiveAction(Record):
    """Quality assurance issues it to the responsible department, which analyses the cause and takes
    corrective and preventive action that is verified, proved effective, reported to the general manager and
    closed."""

    source_type = choice("来源单据", SOURCES, required=True, origin="P", group=("问题", "The problem"))
    source_number = text("来源单号", origin="P",
                         help=("来源为“其他”时可不填", "May be left empty if the source is “Other”"))
    customer_id = link("customer", "顾客", origin="P")
    product_batch_id = link("product_batch", "产品/批次", origin="P")
    fault_category = choice("故障类别", FAULT_CATEGORIES, origin="X")
    problem = longtext("问题描述", required=True)
    is_confirmed_problem = yes_no("属实的质量问题", origin="X", default=True,
                                  help=("选“是”的，做到“四不放过”后方可关闭",
                                        "If yes, cause, measure, accountability and education must be done "
                                        "to close"))
    responsible_unit = unit("责任部门", required=True, group=("责任与期限", "Responsibility and time"))
    issued_at = moment("下发时间", origin="X")
    action_owner_id = person("责任人", origin="P")
    team = text("小组成员", origin="P")
    promised_at = moment("承诺完成时间", help=("确需延期的，须在原承诺时间之前变更，并再次知会顾客",
                                         "Postpone only before the promised time has passed; tell the "
                                         "customer again"))
    promise_reason = longtext("承诺变更原因", "Reason of the new promise")
    due_at = moment("完成期限", origin="X",
                    derived="promised_at; until it is set issued_at + parameter corrective_action_days")
    containment = longtext("临时(围堵)措施", origin="P", group=("原因与措施", "Cause and measures"))
    cause = longtext("原因分析")
    root_cause = longtext("根本原因", origin="P")
    corrective_measure = longtext("纠正措施")
    preventive_measure = longtext("预防措施")
    action_done_at = moment("措施完成时间", origin="P")
    accountability_text = longtext("责任追究", group=("四不放过", "Nothing is let go"))
    education_text = longtext("员工教育")
    is_cause_found = yes_no("原因已查清", origin="X")
    is_measure_implemented = yes_no("措施已落实", origin="X")
    is_accountability_done = yes_no("责任已追究", origin="X")
    is_education_done = yes_no("员工已教育", origin="X")
    verification_text = longtext("验证意见", origin="P", group=("验证与有效性", "Verification and effect"))
    verified_by_id = person("验证人", origin="P")
    verified_at = moment("验证时间", origin="P")
    effectiveness_check_on = day("有效性检查日期", origin="X",
                                 derived="date of action_done_at + parameter effectiveness_days")
    effectiveness_text = longtext("有效性结论")
    effective_at = moment("有效性确认时间", origin="X")
    horizontal_deployment = longtext("水平展开", origin="P",
                                     help=("同类产品和过程是否同样采取措施",
                                           "Where else the measures are applied"))
    controlled_document_id = link("controlled_document", "更新的文件", origin="P")
    is_reply_required = yes_no("需向顾客回复", origin="X",
                               group=("回复、汇报与关闭", "Reply, report and closing"),
                               help=("顾客要求整改的，选“是”",
                                     "Yes when the customer asked for rectification"))
    reply_text = longtext("向顾客回复内容")
    replied_at = moment("向顾客回复时间")
    reported_at = moment("报总经理时间")
    gm_noted_at = moment("总经理阅知时间", origin="X")
    repeat_of_id = link("corrective_action", "重复发生的原记录", origin="X")
    closed_at = moment("关闭时间", origin="X")
    trackings = lines(Tracking, "执行结果追踪")

    def start_from(self, source, act):
        told = (getattr(source, name, None) for name in PROBLEM_IN)
        self.problem = self.problem or next(filter(None, told), None)
        self.is_reply_required = self.is_reply_required or getattr(source, "is_rectification_required", None)

    def derive(self, act):
        limit = act.parameter("corrective_action_days", at=self.issued_at)
        self.due_at = self.promised_at or (self.issued_at and act.add_workdays(self.issued_at, limit))
        days = timedelta(days=act.parameter("effectiveness_days", at=self.action_done_at))
        done = self.action_done_at and act.local(self.action_done_at).date()
        self.effectiveness_check_on = done and done + days
        if self.issued_at is None and self.repeat_of_id is None:
            self.repeat_of_id = self._repeats(act)

    def _repeats(self, act):
        """The action on the same product and fault that was closed only lately."""
        batch = act.get("product_batch", self.product_batch_id) if self.product_batch_id else None
        if batch is None or self.fault_category is None:
            return None
        cls, now = type(self), self.created_at or act.now
        return act.session.scalar(
            sa.select(cls.id).where(
                cls.state == "closed", cls.fault_category == self.fault_category,
                cls.closed_at.between(now - timedelta(days=act.parameter("repeat_days")), now),
                cls.product_batch.has(product_name=batch.product_name),
            ).order_by(cls.closed_at.desc(), cls.id.desc()).limit(1))

    def check(self, act):
        if act.is_history:
            return
        for done, written in EVIDENCE.items():
            if getattr(self, done) and not getattr(self, written):
                yield written, Text("选了“{done}”，请填写本项内容",
                                    "“{done}” is yes: write down what was done").with_(
                    done=self.spec.fields[done].label)
        promised = self._earlier_promise()
        if promised and not (self.promise_reason and is_changed(self, "promise_reason")):
            yield "promise_reason", Text("承诺延期须填写新的原因", "Give the reason why the promise changes")
        if promised and promised < act.now:
            yield "promised_at", Text(
                "原承诺时间已过，不能再延期；延期须在原承诺时间之前提出",
                "The promised time has passed: a later one must be given before that")

    def _earlier_promise(self):
        """The promise that this save puts off."""
        before = sa.inspect(self).attrs.promised_at.history.deleted
        promised = before[0] if before else None
        return promised if promised and (self.promised_at is None or promised < self.promised_at) else None

    spec = RecordType(
        code="CAP", zh="纠正和预防措施记录", en="Corrective and preventive action",
        source="000 §5.2.1 b), 5.2.2, 5.2.3, 5.2.4.3-5.2.4.5, 5.2.5; 001 §5.3.3, 5.3.4, 5.3.6, 5.4.4; "
               "002 客户投诉管理办法 (七); 003 三(五); 004 §5.3.7, 5.3.6b",
        series=Series("JY-{yyyy}{mm}-{n:04}"),
        scope={"unit": "responsible_unit", "unit_lead": "responsible_unit", "technician": "action_owner"},
        list=("number", "source_type", "source_number", "problem", "responsible_unit", "action_owner",
              "due_at", "action_done_at", "state"),
        inline=("responsible_unit", "action_owner"),
        search=("number", "source_number", "problem", "cause", "corrective_measure"),
        filters=("state", "source_type", "responsible_unit", "customer", "product_batch", "fault_category",
                 "issued_at", "due_at"),
        links_in=("info_flow_card", "quality_info_transfer", "complaint_case", "complaint_tracking_card",
                  "abnormality_sheet", "field_service_record", "quality_disposition_feedback",
                  "return_exchange_claim", "visit_report", "satisfaction_report",
                  "quarterly_service_analysis", "monthly_quality_analysis", "customer_meeting_minutes",
                  "competitor_improvement_info", "major_incident_report", "quality_rectification_order",
                  "callback_record", "outlet_quarterly_summary", "subsidiary_service_assessment",
                  "reward_penalty_notice", "nonconformity_report", "management_review_input"),
        workflow=Workflow(
            states(("draft", "草稿"), ("issued", "已下发"), ("accepted", "已接收"), ("planned", "措施已制定"),
                   ("done", "措施已完成"), ("verified", "已验证"),
                   ("effective", "有效性已确认", "Effectiveness confirmed"),
                   ("reported", "已报总经理", "Reported to GM"), ("closed", "已关闭"),
                   ("cancelled", "已取消")),
            moves=(
                Move("issue", "下发", source=("draft",), to="issued",
                     by=("quality_engineer", "quality_manager"),
                     requires=("source_type", "problem", "responsible_unit"), stamps=("issued_at",),
                     when=(SOURCE_NAMED,)),
                Move("accept", "接收并承诺", source=("issued",), to="accepted", by=("unit", "unit_lead"),
                     requires=("action_owner", "promised_at")),
                Move("send_back", "退回(非本部门责任)", source=("issued",), to="draft", by=("unit_lead",),
                     comment=True, then=take_back),
                Move("plan", "制定措施", source=("accepted",), to="planned", by=("unit", "unit_lead"),
                     requires=("cause", "corrective_measure", "preventive_measure", "trackings")),
                Move("finish", "措施完成", source=("planned",), to="done", by=("unit", "unit_lead"),
                     stamps=("action_done_at",), when=(every_line("trackings", "completed_on"),)),
                Move("verify", "验证合格", source=("done",), to="verified", by=("quality_engineer",),
                     requires=("verification_text",), stamps=("verified_by", "verified_at"),
                     when=(actor_is_not("action_owner"), VERIFIER_IS_OUTSIDER,
                           every_line("trackings", "result_text"))),
                Move("verify_fail", "验证不合格", "Verification failed", source=("done",), to="planned",
                     by=("quality_engineer",), comment=True, then=do_again),
                Move("confirm_effect", "确认有效", "Confirm effective", source=("verified",), to="effective",
                     by=("quality_manager",), requires=("effectiveness_text",), stamps=("effective_at",)),
                Move("effect_fail", "无效重做", "Not effective", source=("verified",), to="planned",
                     by=("quality_manager",), comment=True, then=do_again),
                Move("report", "报总经理", "Report to GM", source=("effective",), to="reported",
                     by=("quality_manager",), stamps=("reported_at",),
                     tells=("general_manager",)),
                Move("take_note", "总经理阅知", source=("reported",), to="reported", by=("general_manager",),
                     stamps=("gm_noted_at",)),
                Move("close", "关闭", source=("reported",), to="closed", by=("quality_manager",),
                     requires=("reported_at",), stamps=("closed_at",),
                     when=(NOTHING_LET_GO, CUSTOMER_ANSWERED)),
                Move("cancel", "取消", source=("draft", "issued"), to="cancelled", by=("quality_manager",),
                     comment=True),
            )),
        deadlines=(
            Deadline("action", "due_at", starts="issued_at", met_by="action_done_at",
                     tell=("owner", "unit_lead", "quality_manager"), id="SLA-25", holder="action_owner"),
            Deadline("effectiveness_check", "effectiveness_check_on", starts="action_done_at",
                     met_by="effective_at",
                     tell=("quality_manager",)),
        ),
        access={
            "customer_service": "CEV", "technician": "v", "quality_engineer": "CEVX",
            "quality_manager": "AVXCE", "sales": "V", "sales_lead": "V", "unit": "EV", "unit_lead": "EV",
            "management_representative": "V", "deputy_gm": "KVX", "general_manager": "KVX",
        },
        rules=(
            "BR-14 a confirmed quality problem cannot close before cause found, measure implemented, "
            "accountability done and education done are all true",
            "is_accountability_done needs accountability_text, is_education_done needs education_text, "
            "is_cause_found needs cause",
            "BR-03 when the customer asked for rectification the action is replied to the customer before "
            "it closes",
            "BR-26 each dissatisfied or gap item of a satisfaction_report gets one action of the "
            "responsible unit; the quality head reports the tracking result to the general manager",
            "BR-05 a later promised_at is entered before the old promised_at has passed and needs a promise_reason",
            "the verifier is not the action_owner",
            "customer service may draft an action (proposal of an improvement case, 002 客户投诉管理办法 "
            "(七)3(5)); only quality issues it",
            "SLA-25 default limit is 15 working days from issue while no promised_at is set",
            "a closed action is not changed; the same product_batch product and fault_category within 90 "
            "days after closed_at gives a new action with repeat_of set",
        ),
    )
