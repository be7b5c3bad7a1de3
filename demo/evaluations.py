"""Evaluations of the demo company's service under GB/T 27922, changes of its certificate, and who is fit for which post."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from demo import people
from demo.ladder import NOW, TODAY, ago, climbed, improvement, on, several
from demo.story import OFFICE, Clock, Rec
from demo.terms import Found
from models.certification.evaluation_scoresheet import GROUPS

FULL = {"service_system": (8, 6, 6, 5, 5, 5, 5), "product_service": (6, 6, 6, 6, 6, 5), "customer_service": (12, 13)}
TASKS = ("服务体系、顾客服务", "商品服务、网点抽样")
FINDINGS = (
    ("minor", "5.2.3", "个别网点回访记录缺少满意度。", "抽查30份回访记录，2份未填。"),
    ("minor", "5.1.4", "服务规范未张贴最新版本。", "现场张贴为A/0版。"),
    ("major", "5.3.2", "投诉未在规定期限内结案且无延期说明。", "抽查12件，3件超期。"),
    ("minor", "5.2.5", "配件库标识不全。", "三个货位无标识。"),
)
CHANGES = (
    ("organisation", ["certificate_information"], "registered_name", "重庆长嘉汽车销售服务公司", "重庆长嘉汽车服务有限公司",
     "工商变更登记"),
    ("organisation", ["certificate_information"], "address", "渝北区服装城大道12号", "两江新区云杉路8号", "办公场所搬迁"),
    ("organisation", ["service_system"], "organisation_structure", "售后服务科", "客户服务部", "机构调整"),
    ("body", ["implementation_rules"], "implementation_rules", "2020版实施规则", "2025版实施规则", "认证机构换版"),
    ("organisation", ["certified_service"], "certified_service", "轻型载货汽车", "轻型载货汽车、多用途乘用车", "增加认证范围"),
)
POSTS = (("保修鉴定员", "appraiser"), ("外勤技师", "post_certificate"), ("维修技师", "repair_skill"), ("评价员", "evaluator"))
SKILLS = (("理论知识", 40), ("实际操作", 40), ("服务礼仪", 20))


class Evaluations:
    def __init__(self, clock: Clock, found: Found) -> None:
        self.clock, self.found = clock, found
        self.rows: dict[str, list[Rec]] = {name: [] for name in (
            "certification_change_request", "evaluation_plan", "evaluation_meeting", "evaluation_scoresheet", "nonconformity_report")}
        self.dealers = [row for row in found["dealer_ledger"] if row["state"] in ("active", "rectifying")]

    def make(self) -> None:
        self.changes()
        visited = next(row for row in self.rows["certification_change_request"] if row["is_onsite_needed"])
        plans = (("executed", 340, None), ("executed", 215, visited), ("cancelled", 160, None), ("executed", 110, None),
                 ("executed", 60, None), ("agreed", 20, None),
                 ("agreed", 12, None), ("objected", 6, None), ("sent", 4, None), ("draft", 3, None))
        for n, (target, age, change) in enumerate(plans):
            self.plan(n, target, age, change)
        executed = [row for row in self.rows["evaluation_plan"] if row["state"] == "executed"]
        for n, plan in enumerate(executed):
            self.meetings(plan, n)
            self.reports(plan, n)
            self.scores(plan, n)
        self.young([row for row in self.rows["evaluation_plan"] if row["state"] == "agreed"])

    # plan and meetings -----------------------------------------------------------------------------------------------

    def plan(self, n: int, target: str, age: int, change: Rec | None) -> None:
        clock, dealer = self.clock, self.dealers[n % len(self.dealers)]
        begun = max(ago(clock, age), change["assessed_at"] + timedelta(hours=20)) if change else ago(clock, age)
        starts = begun.date() + timedelta(days=7 if target != "agreed" else 4)
        while starts.weekday() > 3:
            starts += timedelta(days=1)
        ends = starts + timedelta(days=1)
        rungs: list[tuple[str, Any]] = [("sent", {"sent_at": NOW, "_pace": (0, 0)})]
        if target == "objected":
            rungs.append((target, {"objection_reason": "首日与集团会议冲突，请调整一天。", "objected_at": NOW, "_pace": (0, 1)}))
        rungs += [("agreed", {"signed_by": "management_representative", "signed_at": NOW, "_pace": (0, 1)}),
                  ("executed", {"closed_at": NOW, "_pace": (12, 14)})]
        if target == "cancelled":
            rungs = [rungs[0], ("cancelled", {})]
        schedule = [{"starts_at": at_day(starts, hour), "ends_at": at_day(starts, hour + 2), "activity": text, "site_name": "总部",
                     "evaluator": "evaluator"}
                    for hour, text in ((9, "首次会议与文件核查"), (14, "现场访谈与记录抽查"))]
        self.rows["evaluation_plan"].append(climbed(
            clock, "evaluator", begun, "draft", rungs, target, department="QA", applicant_name="重庆长嘉汽车服务有限公司",
            contact_person="石宏伟", phone="02300001234",
            certification_change_request=change, standard="GB/T 27922-2011",
            target_level=("three_star", "four_star", "three_star", "five_star")[n % 4],
            starts_on=starts, ends_on=ends, person_days="4", service_scope="整车及总成的售后服务",
            product_types="轻型载货汽车、多用途乘用车", file_review_mode="before",
            file_review_passed_on=begun.date(), sites=[{"site_name": "总部", "is_headquarters": True, "address": "两江新区云杉路8号",
                                                        "visit_on": starts},
                                                       {"site_name": dealer["name"], "is_headquarters": False, "dealer": dealer,
                                                        "address": dealer["address"], "visit_on": ends}],
            team=[{"evaluator": "evaluator", "team_role": "leader", "task": TASKS[0]}], schedule=schedule))

    def meetings(self, plan: Rec, n: int) -> None:
        first = at_day(plan["starts_on"], 9)
        for kind, hours in (("opening", 0), ("organisation", 25), ("team", 29), ("closing", 31)):
            self.meeting(plan, kind, first + timedelta(hours=hours), "signed")

    def meeting(self, plan: Rec, kind: str, moment: Any, target: str) -> None:
        sides = (("许静", "team", "组长"), ("石宏伟", "organisation", "管理者代表"), ("唐国华", "organisation", "质量负责人"))
        crew = [{"person_name": name, "side": side, "job_title": title, "signed_by": name if target == "signed" else None}
                for name, side, title in sides if kind != "team" or side == "team"]
        ended = moment + timedelta(minutes=50)
        row = Rec(state=target, created_at=moment, created_by="evaluator", department="QA", evaluation_plan=plan, meeting_type=kind,
                  started_at=moment,
                  place="总部二楼会议室", handler="evaluator", attendees=crew,
                  minutes={"opening": "介绍评价组、范围、方法和日程，确认保密要求。", "organisation": "就发现的问题与组织交换意见。",
                           "team": "汇总各组发现，讨论不符合项。",
                           "closing": "通报评价发现和结论，说明整改要求。"}[kind], information_verified="查阅记录与现场一致。")
        if kind in ("organisation", "closing"):
            row |= {"findings": "服务体系运行良好，发现一般不符合两项。", "organisation_opinion": "同意评价发现，按期整改。"}
        if kind == "closing":
            row["conclusion"] = "推荐通过，待不符合项整改验证后颁证。"
        if target == "signed":
            row |= {"ended_at": ended, "signed_at": ended}
        self.rows["evaluation_meeting"].append(row)

    # nonconformities and score ---------------------------------------------------------------------------------------

    def reports(self, plan: Rec, n: int) -> None:
        for k in range(2):
            self.report(plan, n + k, "closed")

    def report(self, plan: Rec, n: int, target: str, moment: Any = None) -> Rec:
        severity, clause, text, proof = FINDINGS[n % len(FINDINGS)]
        issued = moment or at_day(plan["ends_on"], 16)
        rungs: list[tuple[str, Any]] = [
            ("issued", {"issued_at": NOW, "_pace": (0, 0)}), ("rectifying",
                                                              {"handler": "quality_engineer2", "received_at": NOW, "_pace": (0, 1)}),
            ("evidence_submitted", {"cause": "对新要求宣贯不到位。", "corrective_measures": "补充培训，修订检查表并逐网点复查。",
                                    "completed_on": NOW, "evidence_submitted_at": NOW, "_pace": (4, 8)}),
            ("verified", {"verification_method": "on_site" if severity == "major" else "document", "verification_result": "effective",
                          "verified_by": "evaluator",
                          "verified_at": NOW, "_pace": (1, 3)}),
            ("closed", {"closed_at": NOW, "_pace": (1, 2)})]
        if target == "void":
            rungs = [("void", {})]
        row = climbed(self.clock, "evaluator", issued, "draft", rungs, target, department="QA", evaluation_plan=plan, severity=severity,
                      clause=clause,
                      site_name=plan["sites"][1]["site_name"], description=text, objective_evidence=proof, responsible_unit="CS")
        if "completed_on" in row:
            row["completed_on"] = row["completed_on"].date()
        row["_unnumbered"] = row["state"] in ("draft", "void")
        self.rows["nonconformity_report"].append(row)
        return row

    def scores(self, plan: Rec, n: int) -> None:
        mine = [row for row in self.rows["nonconformity_report"] if row["evaluation_plan"] is plan]
        target = "concluded" if n < 3 else "consolidated"
        sheet = self.sheet(plan, target, mine[:1])
        for row in mine:
            row["evaluation_scoresheet"] = sheet
        if n == 0:
            action = improvement(self.clock, "nonconformity_report", mine[0], mine[0]["received_at"], "SUB-CQ",
                                 (mine[0]["description"], "对新要求宣贯不到位", "补充培训并修订检查表", "纳入网点月度检查"))
            mine[0]["corrective_action"] = action
            self.found["corrective_action"].append(action)
            mine[0]["closed_at"] = max(mine[0]["closed_at"], action.get("closed_at", mine[0]["closed_at"]) + timedelta(hours=1))

    def sheet(self, plan: Rec, target: str, deducted: list[Rec], moment: Any = None) -> Rec:
        begun = moment or at_day(plan["starts_on"], 11)
        is_scored = target not in ("open", "void")
        indicators = [
            {"indicator_group": group, "indicator": name, "full_points": points, "is_deleted": False, "sample_count": 10,
             "failed_count": k % 2, "evaluator": "evaluator",
             "actual_points": f"{points - (0.5 if k % 2 else 0.2):.1f}" if is_scored else None,
             "evidence": "查阅制度和抽样记录，访谈三人。" if is_scored else None}
            for group, (_, names) in GROUPS.items() for k, (name, points) in enumerate(zip(names, FULL[group], strict=True))]
        decided = max((row.get("closed_at") or row["created_at"] for row in deducted), default=begun) + timedelta(hours=20)
        rungs: list[tuple[str, Any]] = [
            ("scored", {"_pace": (0, 1)}), ("consolidated", {"_pace": (0, 1)}),
            ("concluded", {"certificate_decision": "grant", "certificate_no": f"SC27922-{begun:%Y}-018", "decided_at": decided,
                           "valid_until_on": decided.date() + timedelta(days=1094),
                           "conclusion": "得分达到申请等级，不符合项已验证关闭，同意颁证。", "_pace": (1, 1)})]
        if target == "void":
            rungs = [("void", {})]
        row = climbed(self.clock, "evaluator", begun, "open", rungs, target, department="QA", evaluation_plan=plan,
                      evaluated_on=plan["starts_on"], handler="evaluator",
                      indicators=indicators, special_items=[{"kind": "deduction", "description": other["description"],
                                                             "nonconformity_report": other} for other in deducted])
        self.rows["evaluation_scoresheet"].append(row)
        return row

    def young(self, plans: list[Rec]) -> None:
        """What the visits that are going on have left on the desks."""
        day = self.clock.end.date()
        begun = at_day(day, 9)
        for plan in plans:
            plan["starts_on"] = min(plan["starts_on"], day)
            plan["ends_on"] = max(plan["starts_on"] + timedelta(days=1), plan["ends_on"])
        first, second = plans[0], plans[1]
        started = max(at_day(first["starts_on"], 9), first["signed_at"] + timedelta(hours=1))
        self.meeting(first, "opening", min(started, begun), "signed")
        self.meeting(first, "team", min(started, begun) + timedelta(hours=3), "held")
        self.meeting(second, "opening", begun, "held")
        self.meeting(second, "team", begun - timedelta(minutes=30), "void")
        for target in ("open", "scored"):
            plan = first if target == "scored" else second
            self.sheet(plan, target, [], begun + timedelta(hours=1))
        executed = [row for row in self.rows["evaluation_plan"] if row["state"] == "executed"]
        self.sheet(executed[0], "void", [], at_day(executed[0]["starts_on"], 10))
        for n, (target, plan) in enumerate((("verified", executed[-1]), ("evidence_submitted", executed[-1]), ("rectifying", first),
                                            ("issued", first), ("draft", first), ("void", executed[1]))):
            moment = at_day(executed[-1]["ends_on"],
                            15) if n < 2 else begun + timedelta(hours=2) if n < 5 else at_day(executed[1]["ends_on"], 14)
            self.report(plan, n if n != 2 else 1, target, moment)

    # changes of the certificate ----------------------------------------------------------------------------------------

    def changes(self) -> None:
        cases: list[dict[str, Any]] = []
        for n in range(9):
            by, types, item, before, after, why = CHANGES[n % len(CHANGES)]
            cases.append({"_by": "quality_manager", "department": "QA", "initiated_by": by, "change_types": types,
                          "certificate_no": "SC27922-2024-018", "change_reason": why,
                          "effective_on": on(20), "handler": "quality_manager",
                          "changes": [{"item": item, "before_text": before, "after_text": after}],
                          "is_onsite_needed": n == 0, "_age": ago(self.clock, 262) if n == 0 else None,
                          "notice_method": "document" if by == "body" else None,
                          "transition_plan": "三个月内按新规则修订体系文件并培训。" if by == "body" else None, "transition_due_on": on(90)
                          if by == "body" else None})
        assessed = {"impact_assessment": "变更不影响服务能力，需更新证书信息。", "assessed_at": NOW}
        rungs: list[tuple[str, Any]] = [
            ("in_approval", {"_pace": (0, 0)}), ("submitted", {"submitted_at": NOW}), ("impact_assessed", assessed),
            ("confirmed", {"conclusion": "update_certificate", "confirmed_at": NOW, "_pace": (2, 4)}),
            ("completed", {"certificate_updated_on": TODAY, "_pace": (3, 6)})]
        slow = [(state, given | {"_pace": (60, 62)} if state == "confirmed" else given) for state, given in rungs]
        aside = {"rejected": ("impact_assessed", {"conclusion": "refuse"}), "void": ("draft", {})}
        first = climbed(self.clock, "quality_manager", cases[0]["_age"], "draft", slow, "completed",
                        **{name: value for name, value in cases[0].items() if name not in ("_by", "_age")})
        self.rows["certification_change_request"] += [first, *several(self.clock, cases[1:], "draft", rungs, aside)]


def at_day(day: date, hour: int) -> datetime:
    return datetime.combine(day, time(hour), OFFICE)


# Training and posts -----------------------------------------------------------------------------------------------------

def trainings(clock: Clock, found: Found) -> None:
    """The plans behind the courses that were held, and those that are being written."""
    held = [row for row in found["training_record"] if row["state"] == "archived" and row["audience"] == "service_dealer"
            and not row.get("is_first_training")]
    rows = []
    for n in range(0, len(held) - 2, 3):
        rows.append(_plan(clock, held[n:n + 3], "done", n))
    waiting = [row for row in found["training_record"] if row["state"] == "scheduled"]
    rows.append(_plan(clock, held[-1:] + waiting[:1], "executing", 20, keep=True))
    for n, target in enumerate(("approved", "in_approval", "draft", "void")):
        rows.append(_plan(clock, [], target, 30 + n))
    rows.append(_first_training(clock, found))
    found["training_plan"] = sorted(rows, key=lambda row: row["created_at"])


def _plan(clock: Clock, courses: list[Rec], target: str, n: int, *, keep: bool = False) -> Rec:
    first = min((row["created_at"] for row in courses), default=ago(clock, 9 - 2 * (n - 30) if n < 33 else 70))
    begun = first - timedelta(days=6) if courses else first
    last = max((row.get("archived_at", clock.end - timedelta(days=1)) for row in courses), default=begun)
    day = (courses[0]["planned_on"] if courses else begun.date() + timedelta(days=40))
    quarter = f"{day.year}-Q{(day.month + 2) // 3}"
    lines = [{"course_name": row["course_name"], "training_type": row["training_type"], "trainer": row["trainer"],
              "planned_on": row["planned_on"], "place": row["place"],
              "planned_headcount": len(row["attendees"]) if "attendees" in row else 24} for row in courses]
    lines = lines or [{"course_name": "电驱动系统维修", "training_type": "technical", "trainer": "技术中心", "planned_on": day,
                       "place": "总部培训教室", "planned_headcount": 20}]
    rungs: list[tuple[str, Any]] = [("in_approval", {"_pace": (0, 0)}), ("approved", {"approved_at": NOW, "_pace": (1, 2)}),
                                    ("executing", {"_pace": (1, 1)})]
    if target == "void":
        rungs = [("void", {})]
    reached = "executing" if target == "done" else target
    row = climbed(clock, "evaluator", begun, "draft", rungs, reached, department="QA", name=f"{quarter}服务商培训计划（{1 + n // 3}）",
                  quarter=quarter, audience=["service_dealer"],
                  training_types=sorted({line["training_type"] for line in lines}), topic_kinds=["new_technology"],
                  need_reason="新车型上市和投诉集中项目需要培训。", organiser="QA",
                  handler="evaluator", budget="12000.00", courses=lines)
    for course in courses:
        course["training_plan"] = row
    if target == "done":
        row |= {"state": "done", "closed_at": last + timedelta(hours=2), "result_summary": "各课程均已实施，合格率达到目标。"}
    return row


def _first_training(clock: Clock, found: Found) -> Rec:
    """What a new outlet learns before it opens: held as one course."""
    course = next(row for row in found["training_record"] if row.get("is_first_training"))
    dealer = next(row for row in found["dealer_ledger"] if row["state"] == "trained")
    begun = course["created_at"] - timedelta(days=2)
    lines = [{"course_name": f"{course['course_name']}（{name}）", "training_type": kind, "trainer": course["trainer"],
              "planned_on": course["planned_on"],
              "place": course["place"], "dealer": dealer, "planned_headcount": 2, "remark": "并入首次培训一次举办"}
             for kind, name in (("business", "业务"), ("technical", "技术"), ("management", "管理"))]
    row = climbed(clock, "evaluator", begun, "draft", [("in_approval", {"_pace": (0, 0)}),
                                                       ("approved", {"approved_at": NOW, "_pace": (0, 0)}),
                                                       ("executing", {"_pace": (0, 0)})],
                  department="QA", name=f"{dealer['name']} 首次培训", quarter=f"{begun.year}-Q{(begun.month + 2) // 3}",
                  audience=["service_dealer"],
                  training_types=["business", "technical", "management"], is_first_training=True, need_reason="新建网点开业前培训。",
                  organiser="QA",
                  handler="evaluator", courses=lines)
    course["training_plan"] = row
    return row


def competence(clock: Clock, found: Found) -> None:
    """Who was looked at for a post, and what became of it."""
    trained = next(row for row in found["training_record"] if row.get("grants_qualification") == "appraiser")
    named = [row for row in found["staff_qualification"] if row["state"] == "valid" and row["person"] and row["person"] != "evaluator"]
    cases: list[dict[str, Any]] = []
    for n in range(12):
        card = named[n % len(named)]
        post = next(row for row in POSTS if row[1] == card["qualification_type"])
        cases.append({"_by": "evaluator", "department": "QA", "person": card["person"], "person_name": people.name_of(card["person"]),
                      "dealer": card.get("dealer"),
                      "organisation": card.get("organisation") or (card["dealer"]["name"] if card.get("dealer") else "客户服务部"),
                      "position": post[0],
                      "qualification_type": post[1], "training_record": trained if post[1] == "appraiser" else None,
                      "assessor": "evaluator", "_card": card, "_n": n})
    rungs: list[tuple[str, Any]] = [
        ("assessed", {"assessed_on": TODAY, "assessment_result": "competent", "assessment_comment": "理论和实操均达到岗位要求。",
                      "items": [{"item_name": name, "full_score": full, "score": full - 3, "evidence": "现场考核记录"} for name,
                                full in SKILLS]}),
        ("opinion_given", {"appointment_opinion": "appoint", "opinion_text": "建议任用，一年后复评。"}),
        ("decided", {"decision": "appoint", "effective_on": on(5), "decided_at": NOW, "_pace": (2, 5)})]
    rows = several(clock, cases, "draft", rungs, {"void": ("draft", {})})
    for row in [row for row in rows if row["state"] == "decided"]:
        row["_card"]["competence_assessment"] = row
    found["competence_assessment"] = rows


def add(clock: Clock, found: Found) -> None:
    evaluations = Evaluations(clock, found)
    evaluations.make()
    for name, rows in evaluations.rows.items():
        found[name] = sorted(rows, key=lambda row: row["created_at"])
    trainings(clock, found)
    competence(clock, found)
