"""人员资格档案."""

import sqlalchemy as sa

from models.base import Record, choice, day, link, longtext, moment, multichoice, person, text
from models.choices import FAULT_CATEGORIES, QUALIFICATIONS
from models.conditions import actor_is_not, filled, if_so, one_of
from models.spec import SYSTEM, Condition, Deadline, Move, RecordType, Series, Text, Workflow, states


def qualified(act, person_id, kind, on=None):
    """The person's qualification of this type that is valid on the day (today unless told), both end days
    included; one that has expired since was valid then."""
    day = on or act.today
    rows = act.find("staff_qualification", person_id=person_id, qualification_type=kind) if person_id else ()
    return next((row for row in rows if row.state in ("valid", "expired")
                 and row.valid_from_on <= day <= row.valid_until_on), None)


ACTOR_IS_APPRAISER = Condition(
    lambda record, act: act.actor.id is None or qualified(act, act.actor.id, "appraiser") is not None,
    Text("您没有当日有效的保修鉴定员资格，请先在“人员资格档案”办理或续期",
         "You hold no appraiser qualification that is valid today: have it granted or renewed first"))


def is_trained(qualification, act) -> bool:
    """The training that it rests on was assessed, and the person passed."""
    training = act.get("training_record", qualification.training_record_id)
    return training is not None and training.state in ("assessed", "archived") and any(
        row.result == "passed" and row.person_id == qualification.person_id for row in training.attendees)


def is_assessed(qualification, act) -> bool:
    """The person was judged competent and is to be appointed."""
    sheet = act.get("competence_assessment", qualification.competence_assessment_id)
    return sheet is not None and sheet.state == "decided" and sheet.person_id == qualification.person_id and (
        sheet.assessment_result == "competent" and sheet.decision == "appoint")


def is_only_valid(qualification, act) -> bool:
    cls = type(qualification)
    who = cls.person_id == qualification.person_id
    if qualification.person_id is None:
        who = sa.and_(cls.person_id.is_(None), cls.person_name == qualification.person_name,
                      cls.dealer_id.is_not_distinct_from(qualification.dealer_id))
    return act.session.scalar(sa.select(cls.id).where(
        who, cls.qualification_type == qualification.qualification_type, cls.state == "valid",
        cls.id != qualification.id).limit(1)) is None


APPRAISER = one_of("qualification_type", "appraiser")
TRAINED = Condition(
    lambda qualification, act: is_trained(qualification, act) or is_assessed(qualification, act),
    Text("保修鉴定员须关联本人考核合格的培训记录，或决定任用的能力评价",
         "An appraiser needs a training record that this person has passed, or an assessment that appoints them"))
ONLY_VALID = Condition(is_only_valid, Text(
    "该人员已有同类有效资格，到期或撤销后再批准",
    "This person already holds a valid qualification of this type: let it expire or revoke it first"))
IS_PAST = Condition(
    lambda qualification, act: qualification.valid_until_on < act.today,
    Text("有效期尚未届满", "The qualification is still within its validity"))


class StaffQualification(Record):
    """Written by the company office or customer service for each person who repairs, appraises or evaluates,
    so that only qualified people sign and the dispatcher knows who can do what."""

    person_id = person("系统用户", origin="X", group=("人员", "The person"), help=(
        "没有系统账号的人员可不填；保修鉴定员必须填写",
        "Empty for staff without an account; required for an appraiser"))
    person_name = text("姓名", required=True)
    qualification_type = choice("资格类别", QUALIFICATIONS, required=True)
    dealer_id = link("dealer_ledger", "所属服务商", origin="P")
    organisation = text("所属单位", origin="P", help=(
        "不属于服务商的人员填写", "Company unit, for people not at a dealer"))
    position = text("岗位", origin="P")
    certificate_no = text("证书编号", group=("证书与技能", "Certificate and skills"))
    issuing_body = text("发证单位", origin="P")
    valid_from_on = day("有效期起", required=True, origin="P")
    valid_until_on = day("有效期止", required=True, origin="P", help=("当天仍有效", "Still valid on this day"))
    skills = multichoice("技能项目", FAULT_CATEGORIES, origin="P", help=(
        "与故障类别一致，便于派工时匹配", "The same list as the fault categories, so the dispatcher can match them"))
    training_record_id = link("training_record", "依据培训", origin="X", group=("依据与批准", "Basis and approval"))
    competence_assessment_id = link("competence_assessment", "依据能力评价")
    assessment_result = choice(
        "能力评价结果", ("competent", "胜任"), ("needs_training", "需培训"), ("not_competent", "不胜任"),
        derived="assessment_result of competence_assessment")
    appointment_opinion = choice(
        "任用意见", ("appoint", "任用"), ("train_first", "培训后任用"), ("reassign", "调岗"),
        ("not_appoint", "不任用", "Do not appoint"), derived="appointment_opinion of competence_assessment")
    approved_at = moment("批准时间", origin="X")
    revoked_at = moment("撤销时间", origin="X")
    remark = longtext("备注", origin="P")

    def derive(self, act):
        sheet = act.get("competence_assessment", self.competence_assessment_id)
        self.assessment_result = sheet and sheet.assessment_result
        self.appointment_opinion = sheet and sheet.appointment_opinion

    def check(self, act):
        if self.valid_from_on and self.valid_until_on and self.valid_until_on < self.valid_from_on:
            yield "valid_until_on", Text("有效期止不能早于有效期起", "The validity cannot end before it begins")

    spec = RecordType(
        code="SQL", zh="人员资格档案", en="Staff qualification", source="004 §5.3.4; 003 五(十); 002 网点 2, (2)派单",
        series=Series("SQL-{yyyy}-{n:04}"), title="person_name",
        scope={"technician": "person", "dealer": "dealer", "appraiser": "person"},
        list=("number", "person_name", "qualification_type", "dealer", "certificate_no", "valid_from_on",
              "valid_until_on", "state"),
        search=("number", "person_name", "certificate_no"),
        filters=("state", "qualification_type", "dealer", "skills", "valid_until_on"),
        links_in=("competence_assessment", "training_record"),
        workflow=Workflow(
            states(("pending", "待批准"), ("valid", "有效"), ("expired", "已过期"), ("revoked", "已撤销")),
            moves=(
                Move("approve", "批准", source=("pending",), to="valid", by=("quality_manager",),
                     requires=("person_name", "qualification_type", "valid_from_on", "valid_until_on"),
                     stamps=("approved_at",),
                     when=(if_so(APPRAISER, filled("person")), if_so(APPRAISER, TRAINED),
                           actor_is_not("person"), ONLY_VALID)),
                Move("expire", "到期", source=("valid",), to="expired", by=(SYSTEM,), when=(IS_PAST,)),
                Move("renew", "续期", source=("expired",), to="pending", by=("evaluator", "customer_service"),
                     requires=("valid_from_on", "valid_until_on")),
                Move("revoke", "撤销", source=("pending", "valid"), to="revoked", by=("quality_manager",),
                     stamps=("revoked_at",), comment=True),
            ),
            maintained=("pending",)),
        deadlines=(
            Deadline("renewal", limit="valid_until_on", holder="person", warn="expiry_warning_days", during=("valid",),
                     tell=("evaluator", "customer_service")),
        ),
        access={
            "customer_service": "CEV", "dispatcher": "V", "technician": "v", "quality_engineer": "V", "quality_manager": "AVX",
            "dealer": "v", "appraiser": "v", "evaluator": "CEV",
        },
        rules=(
            "BR-20 a warranty_appraisal may be signed only by a person whose appraiser qualification is "
            "valid on the appraisal date, both end days included",
            "valid_until_on is not before valid_from_on",
            "a person has at most one valid qualification of one type at a time",
            "the dispatcher sees the valid skills of a technician when choosing whom to send (002 (2)派单)",
            "the holder of a post certificate carries it on every field job (003 五(十), carry_checklist)",
            "the expiry job warns 30 days before valid_until_on and expires the row on the day after it",
            "a verified false appraisal (conduct_violation) revokes the appraiser qualification",
            "revoked is final; a new qualification is a new row",
        ),
    )
