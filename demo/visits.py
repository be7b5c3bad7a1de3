"""Visits of the demo company: the plans, what was heard at the customers' and what became of it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from demo import people
from demo.actions import Actions
from demo.story import Clock, Rec, Story, tell

VISITORS = ("technician", "technician2", "sales", "sales2", "quality_engineer")
OPINIONS = (
    ("整车性能稳定，配件到货比去年快。", "希望增加随车工具。"), ("发动机动力满意，冬季启动稍慢。", "建议冬季前组织巡检。"),
    ("制动器一致性好，装机合格率高。", "希望包装改用可回收箱。"), ("变速器换挡顺畅，噪声比竞品低。", "建议提供英文版说明书。"),
    ("底盘耐用，但保养间隔偏短。", "希望延长免费保养期。"), ("售后响应快，热线容易打通。", "建议开通线上报修。"),
)
DEMANDS = (
    ("配件包装缺少批号标识，要求整改后供货。", "包装箱增加批号二维码并补贴在库产品"),
    ("交货期经常推迟两三天，要求给出保证措施。", "排产计划与顾客需求每周对账并提前预警"),
    ("随车资料不全，要求补齐并防止再发生。", "随车资料改为扫码核对后放行"),
    ("两次反映的漆面问题没有明确答复，要求限期解决。", "设漆面问题专人，三日内答复"),
)
REASONS = ("顾客停产检修，改期走访", "走访人临时支援现场服务", "顾客接待人出差，已电话沟通")


class Visits:
    def __init__(self, clock: Clock, customers: list[Rec], actions: Actions) -> None:
        self.clock, self.dice, self.actions = clock, clock.dice, actions
        self.customers = [row for row in customers if row["state"] == "active"]
        self.stories: list[Story] = []

    def make(self, plan_states: list[str], report_states: list[str]) -> tuple[list[Rec], list[Rec]]:
        plans = [story for first, last in self.clock.months() for story in self.plans_of(first)]
        plans = [story for story in plans if story.record["created_at"] <= self.clock.end]
        told = tell(sorted(plans, key=lambda story: story.record["created_at"]), self.clock, plan_states)
        for plan in told:
            if plan["state"] in ("in_progress", "completed"):
                self.reports_of(plan)
        reports = tell(sorted(self.stories, key=lambda story: story.record["created_at"]), self.clock, report_states)
        self.enter(told, reports)
        return told, reports

    # plans -----------------------------------------------------------------------------------------------------------

    def plans_of(self, first: date) -> list[Story]:
        """Six plans for a month, written in the ten days before it or in its first half."""
        return [self.plan(first + timedelta(days=4 * place - 6), place) for place in range(6)]

    def plan(self, written: date, place: int) -> Story:
        clock, dice = self.clock, self.dice
        author = ("quality_engineer", "sales", "sales_lead")[place % 3]
        starts = written + timedelta(days=6)
        ends, area = starts + timedelta(days=14), dice.choice(self.customers)["province"]
        chosen = dice.sample(self.customers, 2)
        while written.weekday() >= 5:
            written += timedelta(days=1)
        story = Story(
            clock.at(written), author, "draft", department="QA" if author == "quality_engineer" else "MKT",
            title=f"{starts:%Y年%m月}{area}方向重点顾客走访计划（{place + 1}）", work_plan_basis="年度顾客服务工作计划",
            purpose="了解产品使用情况，听取对质量、交货期和服务的意见。", starts_on=starts, ends_on=ends, handler=author,
            budget=f"{dice.randint(8, 40) * 100}.00", visits=[
                {"customer": customer, "purpose": "质量回访", "visitor": dice.choice(VISITORS),
                 "planned_on": _weekday(starts + timedelta(days=2 + 6 * n))} for n, customer in enumerate(chosen)])
        submitted = clock.soon(story.record["created_at"], 30, 120)
        story.then(submitted, "in_approval")
        if dice.random() < 0.06:
            return story.then(clock.soon(submitted), "draft").then(clock.later(submitted, 1, 2), "cancelled",
                                                                    remark="与另一走访计划合并，取消")
        approved = clock.later(submitted, 0.6, 2)
        story.then(approved, "approved", approved_at=approved)
        story.then(max(clock.at(story.record["visits"][0]["planned_on"], 17, 17), approved), "in_progress")
        finished = clock.at(_weekday(ends + timedelta(days=2)))
        return story.then(finished, "completed", completed_at=finished)

    def enter(self, plans: list[Rec], reports: list[Rec]) -> None:
        """Submitted reports stand in the lines of their plan; a finished plan says why a visit did not happen."""
        for report in reports:
            if report["state"] not in ("draft", "void"):
                line = report["_line"]
                line["visit_report"] = report
        for plan in plans:
            for line in plan["visits"]:
                if plan["state"] == "completed" and "visit_report" not in line:
                    line["not_visited_reason"] = self.dice.choice(REASONS)

    # reports ---------------------------------------------------------------------------------------------------------

    def reports_of(self, plan: Rec) -> None:
        for line in plan["visits"]:
            if line["planned_on"] < self.clock.today and self.dice.random() < 0.85:
                story = self.report(plan, line)
                if story.record["created_at"] <= self.clock.end:
                    self.stories.append(story)

    def report(self, plan: Rec, line: dict[str, Any]) -> Story:
        clock, dice = self.clock, self.dice
        customer, (opinion, suggestion) = line["customer"], dice.choice(OPINIONS)
        story = Story(
            clock.at(line["planned_on"], 15, 17), line["visitor"], "draft", visit_plan=plan, customer=customer,
            visited_on=line["planned_on"], visitor=line["visitor"], contact_person=customer["contact_person"],
            position=dice.choice(("质量部长", "设备科长", "车队队长", "采购经理")), customer_info=customer["product_info"],
            usage_situation="使用正常，按期保养。", product_quality_opinion=opinion, delivery_opinion="基本按期到货。",
            service_quality_opinion="服务人员到场及时，讲解清楚。", price_opinion="价格适中。", suggestion=suggestion,
            competitor_info="同行近期有降价促销。", conclusion="关系稳定，继续按计划联络。", is_rectification_required=False,
            satisfaction_level=clock.pick({"very_satisfied": 3, "satisfied": 6, "neutral": 2}), _line=line)
        if dice.random() < 0.04:
            return story.then(clock.soon(story.record["created_at"]), "void")
        submitted = clock.later(story.record["created_at"], 0.6, 2)
        if dice.random() < 0.2:
            self.rectified(story, submitted)
            return story
        story.then(submitted, "submitted", submitted_at=submitted)
        reviewed = clock.later(submitted, 1, 3)
        story.then(reviewed, "reviewed")
        closed = clock.later(reviewed, 1, 4)
        return story.then(closed, "closed", closed_at=closed)

    def rectified(self, story: Story, submitted: datetime) -> None:
        """The customer demands a rectification: measures, a reply, and closing once the action is closed."""
        clock, unit = self.clock, self.dice.choice(people.SUBSIDIARIES)
        demand, measure = self.dice.choice(DEMANDS)
        story.record |= {"is_rectification_required": True, "rectification_demand": demand,
                         "satisfaction_level": clock.pick({"neutral": 3, "dissatisfied": 1})}
        story.then(submitted, "submitted", submitted_at=submitted)
        reviewed = clock.later(submitted, 1, 2)
        action = self.actions.of_visit(story.record, clock.soon(reviewed), unit, demand, measure)
        rectifying = clock.soon(action.record["created_at"], 60, 180)
        story.then(reviewed, "reviewed")
        story.then(rectifying, "rectifying", responsible_unit=unit, corrective_action=action.record)
        replied = clock.later(rectifying, 6, 14)
        story.then(replied, "replied", rectification_measures=f"{measure}。", replied_at=replied,
                   reply_text="已向顾客书面答复整改措施和完成时间，顾客认可。")
        finished = next((moment for moment, state, _ in action.steps if state == "closed"), None)
        if finished is not None:
            closed = clock.later(finished, 1, 2)
            story.then(closed, "closed", closed_at=closed)


def wait_for_actions(reports: list[Rec]) -> None:
    """A report on a rectification stays open as long as its action does."""
    for report in reports:
        if report["state"] == "closed" and report.get("corrective_action", {}).get("state", "closed") != "closed":
            report["state"] = "replied"
            del report["closed_at"]


def _weekday(day: date) -> date:
    return day + timedelta(days=max(0, 7 - day.weekday())) if day.weekday() >= 5 else day
