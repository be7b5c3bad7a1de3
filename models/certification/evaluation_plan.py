"""现场评价计划."""

from datetime import timedelta

import sqlalchemy as sa

from models.base import (
    Line, Record, choice, day, decimal, lines, link, longtext, moment, person, phone, text, unit, yes_no,
)
from models.conditions import either, filled, is_changed, one_of, saying
from models.people import Membership
from models.spec import Condition, Deadline, Move, RecordType, Series, Text, Workflow, states


def has_both_meetings(plan, act) -> bool:
    signed = {row.meeting_type for row in act.find("evaluation_meeting", evaluation_plan_id=plan.id, state="signed")}
    return signed >= {"opening", "closing"}


def is_qualified(plan, act) -> bool:
    """Each member holds a valid evaluator qualification on all days of the visit."""
    return all(
        any(row.state == "valid" and row.valid_from_on <= plan.starts_on and plan.ends_on <= row.valid_until_on
            for row in act.find("staff_qualification", person_id=member.evaluator_id,
                                qualification_type="evaluator"))
        for member in plan.team)


def samples_outlets(plan, act) -> bool:
    """Where the organisation has outlets, one at least is visited."""
    dealer = plan.types["dealer_ledger"].model
    return any(site.dealer_id for site in plan.sites) or act.session.scalar(
        sa.select(dealer.id).where(dealer.state.in_(("active", "rectifying"))).limit(1)) is None


def leads(plan, act) -> bool:
    return any(member.evaluator_id == act.actor.id and member.team_role == "leader" for member in plan.team)


def own_places(plan, act):
    """Rows of the team whose evaluator belongs to a place that is visited: to its department or its outlet."""
    session = act.session
    units = {site.unit for site in plan.sites if site.unit}
    dealers = {site.dealer_id for site in plan.sites if site.dealer_id}
    at_home = set(session.scalars(sa.select(Membership.user_id).where(
        sa.or_(Membership.unit.in_(units), Membership.dealer_id.in_(dealers)))))
    return [member for member in plan.team if member.evaluator_id in at_home]


NOT_OWN_WORK = Condition(
    lambda plan, act: not own_places(plan, act),
    Text("评价员不能评价本单位的工作，请调整评价组或其场所",
         "No evaluator audits the work of their own unit: change the team or the places"))
KEPT_AS_SENT = Condition(
    lambda plan, act: not act.was_edited_since(plan, "raise_objection"),
    Text("异议后计划已改动，请用“调整计划”", "The plan was changed after the objection: adjust and resend it"))
IN_TIME = Condition(
    lambda plan, act: act.today <= plan.send_by_on,
    Text("评价计划至少提前3天提交申请组织，请调整开始日期", "The plan is sent at least three days ahead: move the beginning"))
HEADQUARTERS = Condition(
    lambda plan, act: any(site.is_headquarters for site in plan.sites),
    Text("评价场所须包括总部", "The headquarters has to be among the places"))
ONE_LEADER = Condition(
    lambda plan, act: sum(member.team_role == "leader" for member in plan.team) == 1,
    Text("评价组须有且只有一名组长", "The team has exactly one leader"))
PAPERS_REVIEWED = saying(
    either(one_of("file_review_mode", "combined"), filled("file_review_passed_on")),
    "现场评价前完成文件审查的，须填写审查通过日期", "Say when the documents passed their review")
HOURS_RESERVED = Condition(
    lambda plan, act: plan.file_review_mode != "combined" or bool(plan.file_review_hours),
    Text("与现场评价结合的，须预留文件审查时间", "Reserve hours for the documents where they are read on the visit"))
TEAM_QUALIFIED = Condition(is_qualified, Text(
    "评价组成员须持有效的评价员资格", "Every member of the team needs a valid evaluator qualification"))
MEETINGS_SIGNED = Condition(has_both_meetings, Text(
    "首次会议和末次会议须已签认", "The opening and the closing meeting have to be signed"))
OUTLET_SAMPLED = Condition(samples_outlets, Text(
    "评价场所须包括至少一个抽样的服务网点", "At least one outlet has to be among the places"))
BY_THE_LEADER = Condition(leads, Text("由评价计划的组长办理", "This is for the team leader of the plan"))
READY = (HEADQUARTERS, OUTLET_SAMPLED, ONE_LEADER, PAPERS_REVIEWED, HOURS_RESERVED, TEAM_QUALIFIED,
         NOT_OWN_WORK, IN_TIME)
# What the applicant agreed to.
AGREED = ("applicant_name", "standard", "target_level", "starts_on", "ends_on", "service_scope", "product_types",
          "file_review_mode", "file_review_passed_on", "file_review_hours", "sites", "team")
STANDS = Text("申请组织已确认，不能再改；需更改的请取消后另订计划",
              "The applicant agreed to it: to change it, cancel the plan and make another one")


class Site(Line, of="evaluation_plan"):
    """A place that is visited."""

    site_name = text("场所名称", required=True)
    is_headquarters = yes_no("总部", required=True, default=False)
    dealer_id = link("dealer_ledger", "服务网点")
    unit = unit("部门", "Department", origin="X", help=(
        "场所是本公司部门的填写；该部门的人员不参加评价", "A department of the company: nobody of it is on the team"))
    address = text("地址", origin="P")
    visit_on = day("评价日期", origin="P")


class Team(Line, of="evaluation_plan"):
    """Who evaluates, and what."""

    evaluator_id = person("评价员", required=True)
    team_role = choice("组内角色", ("leader", "组长"), ("member", "组员"), required=True)
    task = text("任务分工", required=True)


class Schedule(Line, of="evaluation_plan"):
    """What is done when, by whom."""

    starts_at = moment("开始时间", required=True, origin="P")
    ends_at = moment("结束时间", required=True, origin="P")
    activity = text("活动", required=True, origin="P")
    site_name = text("场所", origin="P")
    evaluator_id = person("评价员", origin="P")


class EvaluationPlan(Record):
    """Written by the evaluation team leader for every on-site evaluation and sent to the applicant at
    least three days before, naming scope, places, team and timetable."""

    applicant_name = text("申请组织", required=True, group=("申请组织", "Applicant"))
    contact_person = text("联系人", origin="P", private=True)
    phone = phone("联系电话", origin="P", private=True)
    certification_change_request_id = link("certification_change_request", "来源变更申请", origin="X")
    standard = text("评价依据", required=True, default="GB/T 27922-2011")
    target_level = choice("申请级别", ("qualified", "达标级"), ("three_star", "三星级", "Three stars"),
        ("four_star", "四星级", "Four stars"), ("five_star", "五星级", "Five stars"), origin="P")
    starts_on = day("现场评价开始日期", required=True, group=("评价", "Evaluation"))
    ends_on = day("现场评价结束日期", required=True, origin="P")
    person_days = decimal("人日数", origin="P")
    service_scope = longtext("拟认证服务", required=True)
    product_types = longtext("涉及产品类型", required=True)
    file_review_mode = choice("文件审查方式", ("before", "现场评价前完成", "Before the visit"),
        ("combined", "与现场评价结合", "Combined with the visit"), required=True)
    file_review_passed_on = day("文件审查通过日期")
    file_review_hours = decimal("预留文件审查时间", measure="h")
    send_by_on = day("最迟提交日期", origin="X", derived="starts_on - parameter evaluation_notice_days",
        group=("提交与确认", "Sending and agreement"))
    sent_at = moment("提交时间")
    objection_reason = longtext("异议及理由")
    objected_at = moment("异议时间", origin="X")
    adjustment_note = longtext("计划调整")
    is_team_adjusted = yes_no("评价组已调整", default=False)
    signed_by_id = person("申请组织确认", origin="P")
    signed_at = moment("确认时间", origin="P")
    closed_at = moment("实施完成时间", origin="X")
    sites = lines(Site, "评价场所")
    team = lines(Team, "评价组")
    schedule = lines(Schedule, "日程")

    def derive(self, act):
        days = act.parameter("evaluation_notice_days")
        self.send_by_on = self.starts_on and self.starts_on - timedelta(days=days)

    def check(self, act):
        if self.ends_on < self.starts_on:
            yield "ends_on", Text("结束日期不能早于开始日期", "It cannot end before it begins")
        passed = self.file_review_passed_on
        if passed and passed > self.starts_on:
            yield "file_review_passed_on", Text("文件审查须在现场评价开始前通过", "The documents pass before the visit begins")
        for n, row in enumerate(self.schedule):
            first, last = act.local(row.starts_at).date(), act.local(row.ends_at).date()
            if row.ends_at <= row.starts_at:
                yield f"schedule-{n}-ends_at", Text("结束时间须晚于开始时间", "It ends after it has begun")
            elif first < self.starts_on or last > self.ends_on:
                yield f"schedule-{n}-starts_at", Text("日程须在评价日期之内", "It has to lie within the days of the visit")
        if self.state == "agreed" and act.move is None:
            yield from ((name, STANDS) for name in AGREED if is_changed(self, name))
        people = [row.evaluator_id for row in self.team]
        if len(set(people)) < len(people):
            yield "team", Text("同一评价员只能列一次", "Each evaluator is named once")

    spec = RecordType(
        code="EPL", zh="现场评价计划", en="On-site evaluation plan",
        source="002 现场评价 总则, 评价计划, 评价内容",
        series=Series("EPL-{yyyy}-{n:03}"),
        list=("number", "applicant_name", "target_level", "starts_on", "ends_on", "send_by_on", "sent_at",
              "state"),
        search=("number", "applicant_name", "service_scope"),
        filters=("state", "target_level", "starts_on", "file_review_mode"),
        links_in=("certification_change_request",),
        workflow=Workflow(
            states(("draft", "草稿"), ("sent", "已提交申请组织"), ("objected", "有异议"), ("agreed", "已确认"),
                ("executed", "已实施"), ("cancelled", "已取消")),
            moves=(
                Move("send", "提交申请组织", source=("draft",), to="sent", by=("evaluator",),
                    requires=("starts_on", "ends_on", "service_scope", "product_types", "file_review_mode", "sites",
                              "team"),
                    stamps=("sent_at",), when=READY),
                Move("raise_objection", "提出异议", "Object", source=("sent",), to="objected",
                    by=("quality_manager", "management_representative"), requires=("objection_reason",),
                    stamps=("objected_at",)),
                Move("adjust", "调整计划", "Adjust and resend", source=("objected",), to="sent",
                    by=("evaluator",), requires=("adjustment_note",), stamps=("sent_at",), when=(BY_THE_LEADER, *READY)),
                Move("keep_plan", "维持原计划", source=("objected",), to="sent", by=("evaluator",),
                    comment=True, when=(BY_THE_LEADER, KEPT_AS_SENT)),
                Move("agree", "确认", source=("sent",), to="agreed",
                    by=("quality_manager", "management_representative"),
                    stamps=("signed_by", "signed_at")),
                Move("execute", "实施完成", "Mark executed", source=("agreed",), to="executed",
                    by=("evaluator",), stamps=("closed_at",), when=(MEETINGS_SIGNED,)),
                Move("cancel", "取消", source=("draft", "sent", "objected", "agreed"), to="cancelled",
                    by=("evaluator",), comment=True),
            ),
        ),
        deadlines=(
            Deadline("send_plan", "send_by_on", met_by="sent_at", tell=("evaluator",), id="SLA-16"),
        ),
        access={
            "customer_service": "V", "quality_engineer": "V", "quality_manager": "KV", "deputy_gm": "V",
            "management_representative": "KV", "general_manager": "V", "evaluator": "CEVX",
        },
        rules=(
            "SLA-16 starts_on minus the date of sent_at is at least 3 calendar days: on site "
            "2026-12-10, sent 12-07 passes, sent 12-08 is refused",
            "BR-35 an objection needs a reason; with sufficient reason the leader adjusts the plan and, "
            "if necessary, the team",
            "the scope covers all services and product types to be certified, the headquarters and at "
            "least one sampled outlet if there are outlets",
            "file_review_mode before needs file_review_passed_on not later than starts_on; combined "
            "needs file_review_hours greater than 0",
            "exactly one team leader; each member has a task",
            "no evaluator on the team audits work of the own unit, and each has a valid evaluator "
            "qualification",
            "ends_on is not before starts_on; every schedule row lies between them",
            "an adjusted plan counts the three days anew; only an unchanged plan is kept as it was",
            "what the applicant agreed to stands",
        ),
    )
