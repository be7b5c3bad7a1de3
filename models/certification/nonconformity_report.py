"""不符合报告."""

from datetime import timedelta

from models.base import Record, choice, day, file, link, longtext, moment, person, text, unit
from models.conditions import actor_is_not, either, if_so, is_changed, linked, one_of, saying
from models.spec import Condition, Deadline, Move, RecordType, Series, Text, Workflow, states

MAJOR = one_of("severity", "major")
VERIFIED_ON_SITE = saying(
    if_so(MAJOR, one_of("verification_method", "on_site")), "严重不符合须现场验证", "A major nonconformity is verified on site")


def is_outsider(report, act) -> bool:
    return report.responsible_unit not in act.actor.units


VERIFIER_IS_OUTSIDER = Condition(is_outsider, Text(
    "验证人不能是责任部门的人员", "The verifier may not belong to the responsible unit"))
VERIFICATION = ("verification_method", "verification_result", "corrective_measures", "completed_on", "handler")
STANDS = Text("已验证有效，不能再改", "It was verified as effective: this stands")
BY_AN_OUTSIDER = (actor_is_not("handler"), VERIFIER_IS_OUTSIDER)
NOT_OWN_UNIT = Condition(is_outsider, Text(
    "评价员不评价本单位的工作", "No evaluator audits the work of their own unit"))
NO_OPEN_ACTION = saying(
    either(Condition(lambda report, act: report.corrective_action_id is None, Text("未关联", "None is linked")),
           linked("corrective_action", "closed")),
    "所关联的纠正和预防措施须先关闭", "The linked corrective action has to be closed first")


def count_in_sheets(report, act) -> None:
    """The score sheets of the plan that are not concluded show how many major ones are open."""
    report.state = act.move.to
    for sheet in act.find("evaluation_scoresheet", evaluation_plan_id=report.evaluation_plan_id):
        if report.severity == "major" and sheet.state not in ("concluded", "void"):
            act.touch(sheet)


def rectify_again(report, act) -> None:
    """What has no effect is not rectified: the first limit runs on."""
    report.evidence_submitted_at = report.verification_method = report.verification_result = None


class NonconformityReport(Record):
    """Issued in writing by the evaluation team for each nonconformity found on site; the organisation
    rectifies it in the time set and the team verifies the effect."""

    evaluation_plan_id = link("evaluation_plan", "评价计划", required=True, group=("不符合", "Nonconformity"))
    evaluation_scoresheet_id = link("evaluation_scoresheet", "评分表", origin="X")
    severity = choice("不符合性质", ("minor", "一般不符合"), ("major", "严重不符合"), required=True)
    clause = text("不符合条款", required=True, origin="P")
    site_name = text("发现场所", origin="P")
    description = longtext("不符合描述", required=True)
    objective_evidence = longtext("客观证据", required=True, origin="P")
    responsible_unit = unit("责任部门", required=True, origin="P")
    issued_at = moment("发出时间", origin="P", group=("整改", "Rectification"))
    due_on = day("整改期限",
        derived="date of issued_at + 30 days when minor, + 15 days when major; both parameters")
    received_at = moment("受审方确认时间", origin="P")
    handler_id = person("整改负责人", origin="P")
    cause = longtext("原因分析", origin="P")
    corrective_measures = longtext("整改措施")
    corrective_action_id = link("corrective_action", "纠正和预防措施记录", origin="X")
    completed_on = day("整改完成日期", origin="P")
    rectification_evidence_id = file("整改证据")
    evidence_submitted_at = moment("证据提交时间", origin="X")
    verification_method = choice("验证方式", ("document", "书面验证", "On documents"), ("on_site", "现场验证"))
    verification_result = choice("有效性验证结论", ("effective", "有效"), ("ineffective", "无效", "Not effective"))
    verified_by_id = person("验证人", origin="P")
    verified_at = moment("验证时间", origin="P")
    closed_at = moment("关闭时间", origin="X")

    def derive(self, act):
        if self.issued_at and self.severity:
            days = act.parameter(f"nonconformity_{self.severity}_days", at=self.issued_at)
            self.due_on = act.local(self.issued_at).date() + timedelta(days=days)

    def check(self, act):
        if not act.is_history and self.state != "draft" and is_changed(self, "severity"):
            yield "severity", Text("发出后不能改变不符合性质", "Once issued the severity stands")
        if self.state == "verified" and act.move is None:
            yield from ((name, STANDS) for name in VERIFICATION if is_changed(self, name))
        sheet = act.get("evaluation_scoresheet", self.evaluation_scoresheet_id)
        if sheet is not None and sheet.evaluation_plan_id != self.evaluation_plan_id:
            yield "evaluation_scoresheet", Text("该评分表不是本评价计划的", "This sheet is of another plan")

    spec = RecordType(
        code="NCR", zh="不符合报告", en="Nonconformity report", source="002 现场评价 不符合",
        series=Series("NCR-{yyyy}-{n:03}"),
        numbered_at="issue",
        scope={"unit": "responsible_unit", "unit_lead": "responsible_unit"},
        list=("number", "evaluation_plan", "severity", "clause", "responsible_unit", "issued_at",
              "due_on", "verified_at", "state"),
        search=("number", "clause", "description", "corrective_measures"),
        filters=("state", "evaluation_plan", "severity", "responsible_unit", "due_on"),
        links_in=("evaluation_plan", "evaluation_scoresheet", "evaluation_meeting"),
        workflow=Workflow(
            states(("draft", "草稿"), ("issued", "已发出"), ("rectifying", "整改中"),
                ("evidence_submitted", "已提交证据"), ("verified", "已验证"), ("closed", "已关闭")),
            moves=(
                Move("issue", "发出", source=("draft",), to="issued", by=("evaluator",),
                    requires=("evaluation_plan", "severity", "clause", "description", "objective_evidence",
                              "responsible_unit"),
                    stamps=("issued_at",), then=count_in_sheets, when=(NOT_OWN_UNIT,)),
                Move("accept", "确认接收", source=("issued",), to="rectifying",
                    by=("quality_manager", "quality_engineer", "unit_lead"), requires=("handler",),
                    stamps=("received_at",)),
                Move("submit_evidence", "提交整改证据", source=("rectifying",), to="evidence_submitted",
                    by=("quality_manager", "quality_engineer", "unit", "unit_lead"),
                    requires=("cause", "corrective_measures", "completed_on", "rectification_evidence"),
                    stamps=("evidence_submitted_at",)),
                Move("verify", "验证有效", "Verify effective", source=("evidence_submitted",),
                    to="verified", by=("evaluator",),
                    requires=("verification_method", "verification_result"),
                    stamps=("verified_by", "verified_at"),
                    when=(saying(one_of("verification_result", "effective"), "结论为“有效”的方可验证有效",
                                 "Only an effective rectification is verified"),
                          VERIFIED_ON_SITE, *BY_AN_OUTSIDER), then=count_in_sheets),
                Move("reject_evidence", "验证无效", source=("evidence_submitted",), to="rectifying",
                    by=("evaluator",), requires=("verification_method", "verification_result"),
                    comment=True, when=(one_of("verification_result", "ineffective"), *BY_AN_OUTSIDER),
                    then=rectify_again),
                Move("close", "关闭", source=("verified",), to="closed", by=("evaluator",),
                    stamps=("closed_at",), when=(NO_OPEN_ACTION,)),
            ),
        ),
        deadlines=(
            Deadline("rectify", "due_on", starts="issued_at", met_by="evidence_submitted_at",
                tell=("evaluator", "quality_manager", "unit_lead"), id="SLA-24"),
        ),
        access={
            "quality_engineer": "EV", "quality_manager": "EV", "unit": "Ev", "unit_lead": "Ev",
            "deputy_gm": "V", "management_representative": "V", "general_manager": "V",
            "evaluator": "CEVXA",
        },
        rules=(
            "BR-17 while a major nonconformity is not verified effective on site the certificate of its "
            "plan cannot be granted",
            "a major nonconformity accepts only verification_method on_site",
            "the verifier is neither the handler nor of the responsible unit",
            "SLA-24 due_on is 30 calendar days after issue, 15 when major, both parameters, since the "
            "procedure only says 规定的时间",
            "evidence sent after due_on is marked late and an overdue_notice is raised",
            "rejected evidence keeps its first due_on",
            "severity cannot be changed after issue",
            "a closed report cannot be edited",
        ),
    )
