"""培训记录."""

from datetime import timedelta
from decimal import Decimal

from models.base import (
    Line,
    Record,
    choice,
    day,
    decimal,
    integer,
    lines,
    link,
    longtext,
    moment,
    multichoice,
    percent,
    period,
    person,
    rounded,
    text,
    unit,
    yes_no,
)
from models.choices import QUALIFICATIONS
from models.conditions import every_line
from models.spec import (
    Deadline,
    Move,
    Period,
    RecordType,
    Series,
    Text,
    Workflow,
    choices,
    months_after,
    states,
)

TEACHES_ALL, TEACHES_OWN = {"customer_service", "quality_engineer", "evaluator"}, {"unit", "unit_lead"}
ORGANISERS = ("customer_service", "quality_engineer", "evaluator", "unit", "unit_lead")


def grant_qualifications(training, act) -> None:
    """Whoever passed is put forward for the qualification that the course grants."""
    if training.grants_qualification in (None, "none"):
        return
    start = training.assessed_on or training.held_on
    end = months_after(start, act.parameter("qualification_months")) - timedelta(days=1)
    for row in training.attendees:
        if row.result == "passed":
            act.new(
                "staff_qualification", person_id=row.person_id, person_name=row.person_name,
                qualification_type=training.grants_qualification, dealer_id=row.dealer_id,
                organisation=row.organisation, certificate_no=row.certificate_no, valid_from_on=start,
                valid_until_on=end, training_record_id=training.id)


def start_plan(training, act) -> None:
    """The first training that is held starts its plan."""
    plan = act.get("training_plan", training.training_plan_id)
    if plan is not None and plan.state == "approved":
        act.make(plan, "start")


class Attendee(Line, of="training_record"):
    """One person who was to be taught, and with what result."""

    person_id = person("系统用户", origin="X")
    person_name = text("姓名", required=True)
    dealer_id = link("dealer_ledger", "服务商", origin="X")
    customer_id = link("customer", "顾客", origin="X", help=("用户培训时填写", "For user training"))
    organisation = text("所属单位", origin="P")
    is_required = yes_no("应参加考核", origin="X", default=True)
    is_present = yes_no("签到", origin="P", default=False)
    score = decimal("成绩", origin="P")
    result = choice("考核结果", ("passed", "合格"), ("failed", "不合格"), ("absent", "缺席"), ("not_assessed", "不考核"))
    certificate_no = text("证书编号", origin="P")


class TrainingRecord(Record):
    """Written by the organiser for each course held, with who attended and who passed; it feeds
    qualifications and the dealer grade."""

    training_plan_id = link("training_plan", "培训计划", origin="P")
    course_name = text("课程", required=True, origin="P", group=("课程", "The course"))
    training_content = longtext("培训内容", required=True)
    audience = choice(
        "培训对象", ("trade_dealer", "经销商", "Trading dealers"), ("service_dealer", "服务商", "Service dealers"),
        ("service_staff", "售后服务人员", "After-sale staff"), ("user", "用户", "Users"), required=True, help=(
            "经销商、服务商培训须逐人填写服务商，用户培训须填写顾客",
            "Training of dealers names the dealer on every line, of users the customer"))
    training_type = choice(
        "培训类别", ("business", "业务"), ("technical", "技术"), ("management", "管理"), ("product_use", "产品使用"),
        required=True)
    topic_kinds = multichoice(
        "新内容", ("new_technology", "新技术"), ("new_product", "新产品"), ("new_business", "新业务"))
    is_first_training = yes_no("新建网点首次培训", default=False)
    trainer = text("讲师", required=True, origin="P", group=("组织", "Organisation"))
    handler_id = person("组织人", required=True, origin="P")
    organiser = unit("主办部门", help=(
        "子公司培训本单位服务人员时填该子公司", "The subsidiary when it trains its own service staff"))
    planned_on = day("计划日期", required=True, origin="P")
    held_on = day("培训日期", origin="P")
    period = period("所属月份", origin="X", derived="month of held_on")
    hours = decimal("学时", origin="P", measure="h")
    place = text("地点", origin="P")
    assessment_method = choice(
        "考核方式", ("written", "笔试"), ("practical", "实操"), ("oral", "口试"), ("none", "不考核"),
        group=("考核", "Assessment"))
    pass_score = decimal("合格分数", origin="P", default=60)
    assessed_on = day("考核日期", origin="P")
    grants_qualification = choice("授予资格", choices(("none", "无")) + QUALIFICATIONS, origin="X", help=(
        "归档时为合格人员生成待批准的资格档案", "On archiving each person who passed is put forward for it"))
    required_count = integer("应考人数", origin="X", derived="attendee lines with is_required")
    passed_count = integer("合格人数", origin="X", derived="attendee lines with is_required and result passed")
    pass_rate = percent("合格率", origin="X",
                        derived="passed_count / required_count; empty when required_count is 0")
    evaluation = longtext("培训效果评价", origin="P")
    archived_at = moment("归档时间", origin="X")
    attendees = lines(Attendee, "参训人员")

    def derive(self, act):
        self.period = self.held_on and str(Period.of(self.held_on))
        required = [row for row in self.attendees if row.is_required]
        self.required_count = len(required)
        self.passed_count = sum(row.result == "passed" for row in required)
        self.pass_rate = rounded(Decimal(self.passed_count) / len(required), 6) if required else None

    def check(self, act):
        if self.held_on and self.held_on > act.today:
            yield "held_on", Text("培训日期不能晚于今天", "The training cannot have been held in the future")
        if self.held_on and self.assessed_on and self.assessed_on < self.held_on:
            yield "assessed_on", Text("考核日期不能早于培训日期", "The assessment cannot come before the training")
        if TEACHES_OWN & act.actor.roles and not TEACHES_ALL & act.actor.roles and self.audience != "service_staff":
            yield "audience", Text("子(分)公司只培训本单位的售后服务人员", "A subsidiary trains its own service staff only")
        seen = set()
        for n, row in enumerate(self.attendees):
            who = row.person_id or (row.person_name, row.dealer_id, row.customer_id, row.organisation)
            if who in seen:
                yield f"attendees-{n}-person_name", Text(
                    "同一人员只能列一行，请删除重复的行", "A person appears once: remove the repeated row")
            seen.add(who)
            yield from ((f"attendees-{n}-{name}", text) for name, text in self._wrong_in(row))

    def _wrong_in(self, row):
        if self.audience in ("trade_dealer", "service_dealer") and row.dealer_id is None:
            yield "dealer", Text("经销商、服务商培训须填写服务商", "Training of dealers: name the dealer")
        if self.audience == "user" and row.customer_id is None:
            yield "customer", Text("用户培训须填写顾客", "Training of users: name the customer")
        if row.result and not row.is_present and row.result != "absent":
            yield "result", Text("未签到的人员考核结果为“缺席”；到场的请先签到",
                                 "Who was not present is absent; tick the presence of who was")
        elif row.is_present and row.result == "absent":
            yield "result", Text("已签到的人员不能为“缺席”", "Who was present is not absent")
        elif row.result == "passed" and self.assessment_method != "none" and (
                row.score is None or row.score < (self.pass_score or 0)):
            yield "result", Text("成绩达到合格分数才能为“合格”，请核对成绩",
                                 "To have passed, the score must reach the pass score: check it")

    spec = RecordType(
        code="TRN", zh="培训记录", en="Training record", source="004 §5.4.2; 003 二(一), 二(三), 三(三)6; 002 网点 2",
        series=Series("TRN-{yyyy}{mm}-{n:04}"),
        scope={"dealer": "attendees.dealer", "technician": "attendees.person", "unit": "organiser",
               "unit_lead": "organiser"},
        list=("number", "course_name", "audience", "training_type", "held_on", "trainer", "required_count",
              "pass_rate", "state"),
        search=("number", "course_name", "trainer", "training_content"),
        links_in=("training_plan", "quality_disposition_feedback"),
        filters=("state", "training_plan", "audience", "training_type", "period", "is_first_training"),
        workflow=Workflow(
            states(("scheduled", "已安排"), ("held", "已培训"), ("assessed", "已考核"), ("archived", "已归档"),
                   ("cancelled", "已取消")),
            moves=(
                Move("hold", "完成培训", source=("scheduled",), to="held", by=ORGANISERS,
                     requires=("held_on", "trainer", "training_content", "attendees"), then=start_plan),
                Move("assess", "登记考核", "Record assessment", source=("held",), to="assessed", by=ORGANISERS,
                     requires=("assessment_method", "assessed_on"),
                     when=(every_line("attendees", "result"),)),
                Move("archive", "审核归档", "Verify and archive", source=("assessed",), to="archived",
                     by=("quality_manager",), stamps=("archived_at",), then=grant_qualifications),
                Move("send_back", "退回", source=("assessed",), to="held", by=("quality_manager",),
                     comment=True),
                Move("cancel", "取消", source=("scheduled",), to="cancelled", by=ORGANISERS, comment=True),
            )),
        deadlines=(
            Deadline("hold", limit="planned_on", met_by="held_on",
                     tell=("customer_service", "quality_engineer", "evaluator")),
        ),
        access={
            "customer_service": "CEV", "technician": "v", "quality_engineer": "CEV", "quality_manager": "AV",
            "dealer": "v", "unit": "CEv", "unit_lead": "CEv", "evaluator": "CEVX",
        },
        rules=(
            "result passed needs score >= pass_score, or assessment_method none, and is_present",
            "an attendee who is not present has result absent and counts as not passed when is_required",
            "dealer training rate of a month = passed / required over the attendee lines of the dealer with "
            "held_on in that month; 8 of 8 gives 100.00 %, 3 of 4 gives 75.00 %, none required gives not "
            "applicable",
            "only assessed and archived records count in the dealer grade",
            "audience service_dealer or trade_dealer needs a dealer on every line, audience user a customer",
            "a passed first training of every required person sets first_training_passed_on of the dealer "
            "through its own move",
            "misuse found on site (quality_disposition_feedback) may propose a product-use training of that "
            "customer (003 三(三)6)",
            "the same person appears once per record",
            "an archived record cannot be edited",
        ),
    )
