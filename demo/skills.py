"""Trainings of the demo company, and who is qualified for what."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from demo import people
from demo.outlets import CARE, NEGLECTED
from demo.people import DEALER_CODES
from demo.story import Clock, Rec, Story, tell
from models.spec import months_after

COURSES = (
    ("国六后处理系统故障诊断", "尿素喷射、颗粒捕集再生的原理与常见故障码。", "technical", ("new_technology",)),
    ("三包政策与索赔填报", "三包期限判定、鉴定单填写要点和旧件返回要求。", "business", ("new_business",)),
    ("新款CJ6500E车型维修", "高压系统断电流程、空调与车身网络检修。", "technical", ("new_product",)),
    ("服务礼仪与投诉处理", "接待用语、跟踪卡填写、二十四小时答复要求。", "management", ()),
    ("变速器与转向总成检修", "同步器选配、助力系统排气和间隙调整。", "technical", ()),
    ("配件计划与库存管理", "月度需求计划的测算、安全库存与盘点。", "management", ("new_business",)),
)
USERS = (
    ("车辆正确使用与日常保养", "冷启动、油品选择、走合期注意事项和首保要求。"),
    ("节油驾驶与安全检查", "出车前检查项目、制动使用和胎压管理。"),
)


class Skills:
    def __init__(self, clock: Clock, dealers: list[Rec], customers: list[Rec]) -> None:
        self.clock, self.dice = clock, clock.dice
        self.customers = [row for row in customers if row["state"] == "active"]
        self.dealers = {row["dealer_code"]: row for row in dealers}
        self.badges: dict[str, Rec] = {}

    # trainings -----------------------------------------------------------------------------------------------------

    def trainings(self, states: list[str]) -> list[Rec]:
        """One course for dealers a month, one for users a quarter; before that what made the appraisers."""
        self.first = self.appraisers_course()
        stories = [self.monthly(place, first, last) for place, (first, last) in enumerate(self.clock.months())]
        stories += [self.of_users(place, first) for place, (first, _) in enumerate(self.clock.months()) if place % 3 == 1]
        stories += [self.called_off(), self.announced(9), self.announced(16)]
        stories = sorted((s for s in stories if s.record["created_at"] <= self.clock.end),
                         key=lambda story: story.record["created_at"])
        started = [story.told(self.clock.end) for story in (self.first, self.newcomers())]
        return [*started, *tell(stories, self.clock, states, least=1)]

    def course(self, day: date, name: str, content: str, lines: list[dict[str, Any]], **fields: Any) -> Story:
        """Planned a month ahead, held, assessed, and filed by the quality manager."""
        clock = self.clock
        while day.weekday() >= 5:
            day += timedelta(days=1)
        story = Story(clock.at(day - timedelta(days=24)), "evaluator", "scheduled", department="QA", course_name=name,
                      training_content=content, trainer="质量部讲师组", handler="evaluator", planned_on=day,
                      place="总部培训教室", **fields)
        late = day + timedelta(days=3 if self.dice.random() < 0.12 and day.weekday() < 2 else 0)
        held = clock.at(late, 16, 17)
        here = [line | {"is_present": line["_result"] != "absent"} for line in lines]
        story.then(held, "held", held_on=late, hours="6", attendees=here)
        assessed = clock.later(held, 1, 3)
        story.then(assessed, "assessed", assessment_method="written", assessed_on=assessed.date(),
                   evaluation="课堂互动充分，考核情况良好。", attendees=[
                       line | {"result": line["_result"], "score": line["_score"]} for line in here])
        archived = clock.later(assessed, 3, 9)
        return story.then(archived, "archived", archived_at=archived)

    def attendee(self, person: str, name: str, dealer: Rec | None, chance: float, **fields: Any) -> dict[str, Any]:
        diced = self.dice.random()
        result = "passed" if diced < chance else "failed" if diced < 0.6 + chance / 2.5 else "absent"
        score = {"passed": self.dice.randint(66, 98), "failed": self.dice.randint(35, 58), "absent": None}[result]
        return {"person": person or None, "person_name": name, "dealer": dealer, "is_required": True, **fields,
                "_result": result, "_score": score}

    def of_dealers(self, place: int) -> list[dict[str, Any]]:
        rows = []
        for code in DEALER_CODES:
            chance = NEGLECTED.get((code, place), min(0.99, CARE[code] + 0.04))
            for user in (f"dealer_{code.lower()}", f"appraiser_{code.lower()}", f"technician_{code.lower()}"):
                rows.append(self.attendee(user, people.name_of(user), self.dealers[code], chance))
        return rows

    def monthly(self, place: int, first: date, last: date) -> Story:
        name, content, kind, topics = COURSES[place % len(COURSES)]
        return self.course(first + timedelta(days=9), name, content, self.of_dealers(place), audience="service_dealer",
                           training_type=kind, topic_kinds=list(topics))

    def of_users(self, place: int, first: date) -> Story:
        name, content = USERS[place // 3 % 2]
        lines = [self.attendee("", customer["contact_person"], None, 0.95, customer=customer, organisation=customer["name"])
                 for customer in self.dice.sample(self.customers, 5)]
        return self.course(first + timedelta(days=17), name, content, lines, audience="user", training_type="product_use")

    def appraisers_course(self) -> Story:
        lines = [self.attendee(f"appraiser_{code.lower()}", people.name_of(f"appraiser_{code.lower()}"), self.dealers[code], 1.1)
                 for code in DEALER_CODES]
        return self.course(self.clock.first - timedelta(days=150), "保修鉴定员资格培训", "质量担保条例、鉴定要点与案例，闭卷考试。", lines,
                           audience="service_dealer", training_type="technical", grants_qualification="appraiser")

    def newcomers(self) -> Story:
        """The first training of the dealer that is trained but not yet in operation."""
        row = next(row for row in self.dealers.values() if row["state"] == "trained")
        day = min(row["established_on"] + timedelta(days=10), self.clock.today - timedelta(days=8))
        lines = [self.attendee("", name, row, 1.1, organisation=row["name"]) for name in (row["contact_person"], "冉小军")]
        return self.course(day, "新建网点首次培训", "服务流程、三包规定、配件库建立和报表填报。", lines, audience="service_dealer",
                           training_type="business", is_first_training=True)

    def called_off(self) -> Story:
        """Planned for a month in which the roads were closed."""
        story = self.course(self.clock.first + timedelta(days=100), *COURSES[3][:2], [], audience="service_staff",
                            training_type="management", organiser="SUB-SC")
        story.steps = [(story.record["created_at"] + timedelta(days=15), "cancelled", {"evaluation": "因道路中断取消，内容并入下月课程。"})]
        return story

    def announced(self, days: int) -> Story:
        """On the calendar for the coming weeks."""
        name, content, kind, _ = COURSES[days % len(COURSES)]
        story = self.course(self.clock.today + timedelta(days=days), name, content, [], audience="service_staff",
                            training_type=kind, organiser="SUB-CQ")
        return story

    # qualifications ------------------------------------------------------------------------------------------------

    def qualifications(self) -> list[Rec]:
        """An appraiser at every dealer, mechanics with their skills; some cards ended, one was taken away."""
        start = self.clock.first - timedelta(days=140)
        rows = []
        for place, code in enumerate(DEALER_CODES):
            appraiser, mechanic = f"appraiser_{code.lower()}", f"technician_{code.lower()}"
            self.badges[appraiser] = self.card(appraiser, "appraiser", "valid", start, place, dealer=self.dealers[code],
                                               training_record=self.first.record, position="保修鉴定员")
            rows += [self.badges[appraiser], self.card(
                mechanic, "repair_skill", "pending" if code in ("F004", "F007") else "valid", start, place + 20,
                dealer=self.dealers[code], position="维修技师", skills=[("engine", "brakes"), ("electrical", "transmission")][place % 2])]
        for place, user in enumerate(("technician", "technician2", "technician3")):
            rows.append(self.card(user, "post_certificate", "valid", start, place + 40, organisation="客户服务部",
                                  position="外勤技师", skills=("engine", "steering", "electrical")))
        for place, (name, state) in enumerate((("贺小兵", "expired"), ("申明", "expired"), ("向阳", "revoked"), ("陶然", "revoked"))):
            rows.append(self.card("", "post_certificate", state, start - timedelta(days=760), place + 60, person_name=name,
                                  organisation="客户服务部", position="外勤技师"))
        rows.append(self.card("evaluator", "evaluator", "valid", start, 80, organisation="质量部", position="评价员"))
        return rows

    def card(self, user: str, kind: str, state: str, start: date, place: int, **fields: Any) -> Rec:
        created = self.clock.at(start - timedelta(days=3))
        if state == "pending":
            created = self.clock.later(self.clock.end - timedelta(days=4 + place % 5), 0, 1)
            start = self.clock.today
        row = Rec(state=state, created_at=min(created, self.clock.end), created_by="customer_service", department="CS",
                  person=user or None, person_name=people.name_of(user) if user else "", qualification_type=kind,
                  certificate_no=f"ZG-{start:%Y}-{place:03}", issuing_body="质量部", valid_from_on=start,
                  valid_until_on=months_after(start, 24 if state == "expired" else 36) - timedelta(days=1),
                  approved_at=None if state == "pending" else self.clock.at(start))
        if state == "revoked":
            row |= {"revoked_at": self.clock.at(start + timedelta(days=400)), "remark": "已离职，资格撤销。"}
        return Rec(row, **fields)
