"""人员能力评价与任用意见."""

from datetime import timedelta
from decimal import Decimal

import sqlalchemy as sa

from models.base import (
    Line, Record, choice, day, decimal, lines, link, longtext, moment, person, rounded, text,
)
from models.conditions import actor_is_not, filled, if_so, one_of, saying
from models.people import Unit, User
from models.spec import (
    Condition, Default, Move, RecordType, Series, Text, Workflow, months_after, states,
)

APPOINTED = one_of("decision", "appoint")
COMPETENT = saying(
    if_so(one_of("appointment_opinion", "appoint"), one_of("assessment_result", "competent")),
    "评价结果为“胜任”的方可提出任用", "Only who is competent is proposed")
DIFFERENCE_EXPLAINED = Condition(
    lambda sheet, act: sheet.decision == sheet.appointment_opinion or bool(act.comment.strip()),
    Text("决定与任用意见不一致的，须说明理由", "Say why the decision differs from the opinion"))


def carry_out(sheet, act) -> None:
    """Who is appointed is put forward for the qualification; for who is to be trained first a plan is proposed."""
    if sheet.decision == "appoint":
        qualify(sheet, act)
    elif sheet.decision == "train_first":
        propose_training(sheet, act)


def propose_training(sheet, act) -> None:
    """A draft of the assessor's, who adds the courses and submits it."""
    assessor = act.session.get(User, sheet.assessor_id)
    of_assessor = sorted(membership.unit for membership in assessor.memberships if membership.unit)
    organiser = sheet.department or next(iter(of_assessor), None) or act.session.scalar(sa.select(sa.func.min(Unit.code)))
    act.new("training_plan", name=f"{sheet.person_name} 任用前培训 {sheet.number}",
            quarter=f"{act.today.year}-Q{(act.today.month + 2) // 3}", audience=["service_staff"],
            training_types=["technical"], need_reason=sheet.opinion_text or sheet.assessment_comment or act.comment,
            organiser=organiser, handler=sheet.assessor_id, created_by_id=sheet.assessor_id)


def qualify(sheet, act) -> None:
    """As long as those granted by training hold."""
    end = months_after(sheet.effective_on, act.parameter("qualification_months")) - timedelta(days=1)
    act.new("staff_qualification", person=sheet.person_id, person_name=sheet.person_name,
            dealer=sheet.dealer_id, organisation=sheet.organisation, position=sheet.position,
            qualification_type=sheet.qualification_type, training_record=sheet.training_record_id,
            competence_assessment=sheet.id, valid_from_on=sheet.effective_on, valid_until_on=end)


class Item(Line, of="competence_assessment"):
    """Something that was judged, with points."""

    item_name = text("评价项目", required=True, origin="P")
    full_score = decimal("满分", required=True, origin="P")
    score = decimal("得分", required=True, origin="P")
    evidence = text("评价依据", origin="P")


class CompetenceAssessment(Record):
    """Written by the company office after training, to judge what an outlet's staff member can do and
    to propose the appointment."""

    person_id = person("系统用户", origin="X", group=("评价对象", "Who is assessed"))
    person_name = text("姓名", required=True)
    dealer_id = link("dealer_ledger", "服务网点")
    organisation = text("所属单位", origin="P")
    position = text("评价岗位", required=True, origin="P")
    qualification_type = choice("申请资格", ("appraiser", "保修鉴定员", "Warranty appraiser"),
        ("post_certificate", "岗位资格证"), ("repair_skill", "维修技能"), ("evaluator", "评价员"), required=True,
        origin="X")
    training_record_id = link("training_record", "相关培训", origin="P")
    assessor_id = person("评价人", required=True, origin="P", default=Default.CURRENT_USER, group=("评价", "Assessment"))
    assessed_on = day("评价日期", origin="P")
    score = decimal("总分", origin="P",
        derived="sum of score / sum of full_score over the items x 100, 2 decimals")
    assessment_result = choice("评价结果", ("competent", "胜任"), ("needs_training", "需培训"),
        ("not_competent", "不胜任"))
    assessment_comment = longtext("能力评价")
    appointment_opinion = choice("任用意见", ("appoint", "任用"), ("train_first", "培训后任用"),
        ("reassign", "调岗"), ("not_appoint", "不任用", "Do not appoint"))
    opinion_text = longtext("意见说明")
    decision = choice("任用决定", ("appoint", "任用"), ("train_first", "培训后任用"), ("reassign", "调岗"),
        ("not_appoint", "不任用", "Do not appoint"))
    effective_on = day("任用生效日期", origin="P")
    decided_at = moment("决定时间", origin="X")
    items = lines(Item, "评价项目")

    def derive(self, act):
        most = sum((row.full_score or 0 for row in self.items), Decimal(0))
        got = sum((row.score or 0 for row in self.items), Decimal(0))
        self.score = rounded(got / most * 100) if most else None

    def check(self, act):
        for n, row in enumerate(self.items):
            if row.score > row.full_score:
                yield f"items-{n}-score", Text("得分不能超过满分", "No more points than the item has")
        if self.person_id is not None and self.person_id == self.assessor_id:
            yield "assessor", Text("评价人不能是被评价人", "Nobody assesses themselves")

    spec = RecordType(
        code="CPA", zh="人员能力评价与任用意见", en="Competence assessment and appointment opinion",
        source="002 网点 2",
        series=Series("CPA-{yyyy}{mm}-{n:04}"),
        list=("number", "person_name", "dealer", "position", "assessed_on", "score", "assessment_result",
              "appointment_opinion", "state"),
        search=("number", "person_name", "position"),
        filters=("state", "dealer", "qualification_type", "assessment_result", "appointment_opinion",
                 "assessed_on"),
        links_in=("training_record", "staff_qualification", "outlet_quarterly_summary"),
        workflow=Workflow(
            states(("draft", "草稿"), ("assessed", "已评价"), ("opinion_given", "已提意见"), ("decided", "已决定")),
            moves=(
                Move("assess", "完成评价", source=("draft",), to="assessed", by=("evaluator",),
                    requires=("items", "assessor", "assessed_on", "assessment_result", "assessment_comment"),
                    when=(actor_is_not("person"),)),
                Move("give_opinion", "提出任用意见", source=("assessed",), to="opinion_given",
                    by=("evaluator",), requires=("appointment_opinion", "opinion_text"),
                    when=(COMPETENT, actor_is_not("person"))),
                Move("decide", "任用决定", source=("opinion_given",), to="decided", by=("deputy_gm",),
                    requires=("decision",), stamps=("decided_at",), then=carry_out,
                    when=(actor_is_not("person"), actor_is_not("assessor"), DIFFERENCE_EXPLAINED,
                          if_so(APPOINTED, filled("effective_on")))),
                Move("send_back", "退回", source=("opinion_given",), to="assessed", by=("deputy_gm",),
                    comment=True),
            ),
        ),
        access={
            "quality_manager": "V", "deputy_gm": "AV", "management_representative": "V",
            "general_manager": "V", "evaluator": "CEVX",
        },
        rules=(
            "the assessor is not the person assessed, and the decider is neither of them",
            "an item score lies between 0 and its full_score; score is never typed",
            "opinion appoint needs assessment_result competent",
            "a decision that differs from the opinion needs a comment",
            "decision appoint needs effective_on",
            "decision train_first proposes a training_plan of the assessor's",
            "a decided assessment cannot be edited; a new judgement is a new record",
        ),
    )
