"""评价会议记录."""

from models.base import Line, Record, choice, lines, link, longtext, moment, person, signature, text
from models.spec import Condition, Default, Move, RecordType, Series, Text, Workflow, states

BOTH_SIDES = ("opening", "organisation", "closing")
ONCE = ("opening", "closing")


def is_attended(meeting, act) -> bool:
    sides = {row.side for row in meeting.attendees}
    return meeting.meeting_type not in BOTH_SIDES or sides >= {"team", "organisation"}


EVERYBODY_SIGNED = Condition(
    lambda meeting, act: all((row.signed_by or "").strip() for row in meeting.attendees),
    Text("签到人员须全部签名", "Every attendee has to sign"))
BOTH_SIDES_THERE = Condition(is_attended, Text(
    "首次、末次会议和与组织沟通须有评价组和申请组织双方参加", "Both the team and the applicant have to attend this meeting"))
CLOSING_CONCLUDES = Condition(
    lambda meeting, act: meeting.meeting_type != "closing" or bool(meeting.findings and meeting.conclusion),
    Text("末次会议须填写评价发现和会议结论", "A closing meeting needs findings and a conclusion"))


class Attendee(Line, of="evaluation_meeting"):
    """Somebody who attends, and signs for it."""

    person_name = text("姓名", required=True, origin="P")
    side = choice("所属方", ("team", "评价组", "Evaluation team"), ("organisation", "申请组织", "Applicant"),
        required=True, origin="P")
    job_title = text("职务", "Position", origin="P")
    signed_by = signature("签名", origin="P")


class EvaluationMeeting(Record):
    """Written by the evaluation team for the opening, team, organisation and closing meetings of an on-
    site evaluation, with attendance, findings and conclusion."""

    evaluation_plan_id = link("evaluation_plan", "评价计划", required=True, group=("会议", "Meeting"))
    meeting_type = choice("会议类型", ("opening", "首次会议", "Opening meeting"),
        ("team", "评价组内沟通", "Team meeting"), ("organisation", "与组织沟通", "Meeting with the organisation"),
        ("closing", "末次会议", "Closing meeting"), required=True)
    started_at = moment("开始时间", required=True, origin="P")
    ended_at = moment("结束时间", origin="P")
    place = text("地点", origin="P")
    handler_id = person("主持人", required=True, origin="P", default=Default.CURRENT_USER)
    minutes = longtext("会议内容", required=True)
    information_verified = longtext("收集和验证的信息", group=("发现与结论", "Findings and conclusion"))
    findings = longtext("评价发现")
    organisation_opinion = longtext("组织意见", origin="P")
    conclusion = longtext("会议结论", origin="P")
    signed_at = moment("签认时间", origin="X")
    attendees = lines(Attendee, "签到")

    def check(self, act):
        if self.ended_at and self.ended_at <= self.started_at:
            yield "ended_at", Text("结束时间须晚于开始时间", "It ends after it has begun")
        if act.is_history:
            return
        plan = act.get("evaluation_plan", self.evaluation_plan_id)
        if self.id is None and plan.state != "agreed":
            yield "evaluation_plan", Text("只有已确认的评价计划可以登记会议", "Meetings are recorded for an agreed plan only")
        if self.meeting_type == "opening" and act.local(self.started_at).date() < plan.starts_on:
            yield "started_at", Text("首次会议不能早于现场评价开始日期", "The opening meeting is not before the plan begins")
        yield from self._wrong_order(act)

    def _wrong_order(self, act):
        others = [row for row in act.find("evaluation_meeting", evaluation_plan_id=self.evaluation_plan_id)
                  if row is not self and row.state != "void"]
        if self.meeting_type in ONCE and any(row.meeting_type == self.meeting_type for row in others):
            yield "meeting_type", Text("一次评价只有一次首次会议和一次末次会议", "There is one opening and one closing meeting")
        closing = [row for row in others if row.meeting_type == "closing"]
        if any(row.started_at <= self.started_at for row in closing):
            yield "started_at", Text("末次会议是最后一次会议", "The closing meeting is the last one")
        if self.meeting_type == "closing" and not any(row.meeting_type == "team" for row in others):
            yield "meeting_type", Text("末次会议前须召开评价组内沟通", "A team meeting comes before the closing meeting")
        if self.meeting_type == "closing" and any(row.started_at >= self.started_at for row in others):
            yield "started_at", Text("末次会议是最后一次会议", "The closing meeting is the last one")

    spec = RecordType(
        code="EMT", zh="评价会议记录", en="Evaluation meeting record",
        source="002 现场评价 评价实施 a)-f)",
        series=Series("EMT-{yyyy}-{n:03}"),
        list=("number", "evaluation_plan", "meeting_type", "started_at", "place", "handler", "signed_at",
              "state"),
        search=("number", "minutes", "findings", "conclusion"),
        filters=("state", "evaluation_plan", "meeting_type", "started_at"),
        links_in=("evaluation_plan",),
        workflow=Workflow(
            states(("held", "已召开"), ("signed", "已签认")),
            moves=(
                Move("sign", "签认", source=("held",), to="signed", by=("evaluator",),
                    requires=("minutes", "ended_at", "attendees"), stamps=("signed_at",),
                    when=(EVERYBODY_SIGNED, BOTH_SIDES_THERE, CLOSING_CONCLUDES)),
            ),
        ),
        access={"customer_service": "V", "quality_manager": "V", "evaluator": "CEVX"},
        rules=(
            "an evaluation has exactly one opening and one closing meeting; both are mandatory",
            "the opening meeting is on or after starts_on of the plan, the closing meeting is the last "
            "one",
            "a team meeting is held before the closing meeting",
            "ended_at is after started_at",
            "meetings can be recorded only for an agreed plan",
            "a signed record cannot be edited",
        ),
    )
