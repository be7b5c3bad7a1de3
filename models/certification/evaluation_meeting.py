"""评价会议记录."""

from models.base import Line, Record, choice, lines, link, longtext, moment, person, signature, text
from models.spec import Move, RecordType, Series, Workflow, states


class Attendee(Line, of="evaluation_meeting"):
    """签到."""

    person_name = text("姓名", required=True, origin="P")
    side = choice("所属方", ("team", "评价组", "Evaluation team"), ("organisation", "申请组织", "Applicant"),
        required=True, origin="P")
    position = text("职务", origin="P")
    signed_by = signature("签名", origin="P")


class EvaluationMeeting(Record):
    """Written by the evaluation team for the opening, team, organisation and closing meetings of an on-
    site evaluation, with attendance, findings and conclusion."""

    evaluation_plan_id = link("evaluation_plan", "评价计划", required=True)
    meeting_type = choice("会议类型", ("opening", "首次会议", "Opening meeting"),
        ("team", "评价组内沟通", "Team meeting"), ("organisation", "与组织沟通", "Meeting with the organisation"),
        ("closing", "末次会议", "Closing meeting"), required=True)
    started_at = moment("开始时间", required=True, origin="P")
    ended_at = moment("结束时间", origin="P")
    place = text("地点", origin="P")
    handler_id = person("主持人", required=True, origin="P")
    minutes = longtext("会议内容", required=True)
    information_verified = longtext("收集和验证的信息")
    findings = longtext("评价发现")
    organisation_opinion = longtext("组织意见", origin="P")
    conclusion = longtext("会议结论", origin="P")
    # SET_BY sign
    signed_at = moment("签认时间", origin="X")
    attendees = lines(Attendee, "签到")

    spec = RecordType(
        code="EMT", zh="评价会议记录", en="Evaluation meeting record", source="002 现场评价 评价实施 a)-f)",
        series=Series("EMT-{yyyy}-{n:03}"),
        list=("number", "evaluation_plan", "meeting_type", "started_at", "place", "handler", "signed_at",
              "state"),
        search=("number", "minutes", "findings", "conclusion"),
        filters=("state", "evaluation_plan", "meeting_type", "started_at"),
        links_in=("evaluation_plan",),
        workflow=Workflow(
            states(("held", "已召开"), ("signed", "已签认")),
            moves=(
                # WHEN every attendee has signed; opening, organisation and closing meetings have both sides, a closing meeting has findings and conclusion
                Move("sign", "签认", source=("held",), to="signed", by=("evaluator",),
                    requires=("minutes", "ended_at", "attendees"), stamps=("signed_at",)),
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
