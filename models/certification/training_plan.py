"""培训计划."""

from models.base import (
    Line, Record, choice, day, integer, lines, link, longtext, moment, money, multichoice, person,
    quarter, text, unit, yes_no,
)
from models.spec import (
    SIGNER, SYSTEM, Condition, Default, Move, Period, RecordType, Series, Step, Text, Workflow, states,
)

TEACHES_ALL, TEACHES_OWN = {"customer_service", "quality_engineer", "evaluator"}, {"unit", "unit_lead"}
FIRST_KINDS = ("business", "technical", "management")


def held_courses(plan, act) -> set[str]:
    """The names of the courses whose training record is archived."""
    return {row.course_name for row in act.find("training_record", training_plan_id=plan.id)
            if row.state == "archived"}


def covers_all(plan, act) -> bool:
    return not plan.is_first_training or {row.training_type for row in plan.courses} >= set(FIRST_KINDS)


FIRST_IS_WHOLE = Condition(covers_all, Text(
    "新建网点首次培训须包括业务、技术和管理三类课程", "The first training of an outlet covers business, technical and management"))
RECORD_SCHEDULED = Condition(
    lambda plan, act: any(row.state not in ("void", "cancelled")
                          for row in act.find("training_record", training_plan_id=plan.id)),
    Text("请先登记本计划的第一次培训", "Schedule the first training of this plan before"))
COURSES_ACCOUNTED = Condition(
    lambda plan, act: all(row.remark or row.course_name in held_courses(plan, act) for row in plan.courses),
    Text("每门课程须有已存档的培训记录，或注明未实施原因",
         "Every course needs an archived training record, or the reason why it was not held"))


class Course(Line, of="training_plan"):
    """A course of the plan."""

    course_name = text("课程", required=True, origin="P")
    training_type = choice("类别", ("business", "业务"), ("technical", "技术"), ("management", "管理"),
        ("product_use", "产品使用"), required=True)
    trainer = text("讲师", origin="P")
    planned_on = day("计划日期", required=True, origin="P")
    place = text("地点", origin="P")
    dealer_id = link("dealer_ledger", "参训服务商", origin="X")
    planned_headcount = integer("计划人数", origin="P")
    remark = text("未实施原因", origin="P")


class TrainingPlan(Record):
    """Drawn up by customer service, quality, the company office or a subsidiary (for its own service
    staff), approved by the deputy general manager, to train dealers, service staff and users when an
    outlet is founded and when products or business change."""

    name = text("计划名称", required=True, origin="P", group=("计划", "Plan"))
    quarter = quarter("季度", required=True, origin="P")
    audience = multichoice("培训对象", ("trade_dealer", "经销商", "Trading dealers"),
        ("service_dealer", "服务商", "Service dealers"), ("service_staff", "售后服务人员", "After-sale staff"),
        ("user", "用户", "Users"), required=True)
    training_types = multichoice("培训类别", ("business", "业务"), ("technical", "技术"), ("management", "管理"),
        ("product_use", "产品使用"), required=True)
    topic_kinds = multichoice("新内容", ("new_technology", "新技术"), ("new_product", "新产品"),
        ("new_business", "新业务"))
    is_first_training = yes_no("新建网点首次培训", default=False)
    need_reason = longtext("培训需求", required=True)
    organiser = unit("主办部门", required=True, origin="P")
    handler_id = person("负责人", required=True, origin="P", default=Default.CURRENT_USER)
    budget = money("预算", origin="P", private=True)
    approved_at = moment("批准时间", origin="X")
    result_summary = longtext("完成情况", origin="P")
    closed_at = moment("完成时间", origin="X")
    courses = lines(Course, "课程安排")

    def check(self, act):
        first = Period.parse(self.quarter).day(1) if self.quarter else None
        for n, row in enumerate(self.courses):
            if first and row.planned_on < first:
                yield f"courses-{n}-planned_on", Text("计划日期须在计划季度之内或之后", "Not before the quarter of the plan")
        if TEACHES_OWN & act.actor.roles and not TEACHES_ALL & act.actor.roles and (
                set(self.audience or ()) - {"service_staff"}):
            yield "audience", Text("子(分)公司只培训本单位的售后服务人员", "A subsidiary trains its own service staff only")

    def start_from(self, source, act):
        """The first training of a dealer, or what somebody still has to learn before being appointed."""
        today = act.today
        self.quarter = self.quarter or f"{today.year}-Q{(today.month + 2) // 3}"
        if source.spec.name == "dealer_ledger":
            self.is_first_training, self.audience = True, ["service_dealer"]
            self.name, self.training_types = f"{source.name} 首次培训", list(FIRST_KINDS)
            self.courses += [Course(training_type=kind, dealer_id=source.id) for kind in FIRST_KINDS]
        else:
            self.name, self.audience = f"{source.person_name} 任用前培训", ["service_staff"]
            self.need_reason = source.opinion_text
            self.courses.append(Course(dealer_id=source.dealer_id))

    spec = RecordType(
        code="TRP", zh="培训计划", en="Training plan", source="004 §4.1.3, §5.4.2; 003 二(一), 二(三)",
        series=Series("TRP-{yyyy}-{n:03}"),
        title="name",
        scope={"dealer": "courses.dealer", "unit": "organiser", "unit_lead": "organiser"},
        list=("number", "name", "quarter", "audience", "organiser", "is_first_training", "handler",
              "state"),
        inline=("name", "handler"),
        search=("number", "name", "need_reason"),
        filters=("state", "quarter", "audience", "training_types", "is_first_training", "organiser"),
        links_in=("dealer_ledger", "competence_assessment"),
        workflow=Workflow(
            states(("draft", "草稿"), ("in_approval", "审批中"), ("approved", "已批准"),
                ("executing", "实施中", "Under way"), ("done", "已完成")),
            moves=(
                Move("submit", "提交", source=("draft",), to="in_approval",
                    by=("customer_service", "quality_engineer", "evaluator", "unit", "unit_lead"),
                    requires=("audience", "training_types", "need_reason", "courses"), opens_round=True,
                    when=(FIRST_IS_WHOLE,)),
                Move("approve", "批准", source=("in_approval",), to="approved", by=(SIGNER,),
                    stamps=("approved_at",), signs=True),
                Move("send_back", "退回", source=("in_approval",), to="draft", by=(SIGNER,), comment=True,
                    signs=True),
                Move("start", "开始实施", source=("approved",), to="executing",
                    by=("customer_service", "quality_engineer", "evaluator", "unit", "unit_lead", SYSTEM),
                    when=(RECORD_SCHEDULED,)),
                Move("finish", "完成", source=("executing",), to="done",
                    by=("customer_service", "quality_engineer", "evaluator", "unit", "unit_lead"),
                    requires=("result_summary",), stamps=("closed_at",), when=(COURSES_ACCOUNTED,)),
            ),
            approval=(Step("deputy_gm"),),
        ),
        access={
            "customer_service": "CEVX", "quality_engineer": "CEV", "dealer": "v", "unit": "CEv",
            "unit_lead": "CEv", "deputy_gm": "AEV", "management_representative": "V",
            "general_manager": "V", "evaluator": "CEV",
        },
        rules=(
            "every dealer founded gets a plan line with is_first_training before its first_training "
            "deadline (dealer_ledger)",
            "the first training of a dealer covers business, technical and management (004 §5.4.2)",
            "an introduced new technology, product or business has at least one course line",
            "a plan without courses cannot be submitted",
            "the approver is not the creator",
            "planned_on lies in the plan's quarter or later",
            "a subsidiary plans and holds only the training of its own service staff (003 二(三))",
            "a dealer sees a plan only when a course line names it, and never the budget",
        ),
    )
