"""Corrective and preventive actions of the demo company: what came out of hot faults and of visits."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from demo import people
from demo.faults import Fault
from demo.story import Clock, Rec, Story, tell


class Actions:
    """One action per theme: all sheets of a month about the same fault of the same batch lead to the same one."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.dice = clock, clock.dice
        self.stories: list[Story] = []
        self.themes: dict[Any, Rec] = {}
        self.faults: dict[int, Fault] = {}

    def of_theme(self, theme: Any, sheet: Rec, fault: Fault, unit: str) -> Rec:
        """The action for a sheet; the first sheet of the theme is its source."""
        if theme not in self.themes:
            created = self.clock.later(sheet["received_at"], 1, 3)
            story = self.begin(created, "quality_info_transfer", sheet, unit, f"{fault.text}，同批产品多次反馈。",
                               customer=sheet["customer"], product_batch=sheet["product_batch"],
                               fault_category=fault.category)
            self.go_on(story, fault.cause, fault.measure, fault.prevention)
            self.themes[theme] = story.record
        return self.themes[theme]

    def of_visit(self, report: Rec, moment: datetime, unit: str, demand: str, measure: str) -> Story:
        story = self.begin(moment, "visit_report", report, unit, demand, customer=report["customer"],
                           is_reply_required=True)
        self.go_on(story, "责任部门对顾客意见重视不够，流程上没有专人跟进", measure, "列入部门月度例会检查，并在同类顾客中推广",
                   visit=True)
        return story

    def begin(self, created: datetime, source: str, named: Rec, unit: str, problem: str, **fields: Any) -> Story:
        story = Story(created, "quality_engineer", "draft", department="QA", source_type=source, source_number=named,
                      problem=problem, is_confirmed_problem=True, responsible_unit=unit, **fields)
        self.stories.append(story)
        return story

    def go_on(self, story: Story, cause: str, measure: str, prevention: str, *, visit: bool = False) -> None:
        clock, unit = self.clock, story.record["responsible_unit"]
        issued = clock.soon(story.record["created_at"], 30, 240)
        story.then(issued, "issued", issued_at=issued)
        accepted = clock.later(issued, 1, 2)
        promised = clock.later(accepted, 14, 20)
        story.then(accepted, "accepted", action_owner=people.of_unit(unit), team="技术、工艺、质检各一人",
                   promised_at=promised, containment="在库和在途同批产品全数复检，合格后放行。")
        planned = clock.later(accepted, 2, 4)
        rows = self.trackings(unit, measure, prevention, promised)
        story.then(planned, "planned", cause=f"{cause}。", root_cause="过程控制点缺少防错和记录。", is_cause_found=True,
                   corrective_measure=f"{measure}。", preventive_measure=f"{prevention}。", trackings=rows)
        late = self.dice.random()
        done = promised if late > 0.95 else promised + timedelta(days=3, hours=2) if late > 0.85 else clock.later(planned, 6, 9)
        completed = [{**row, "completed_on": done.date() - timedelta(days=place)} for place, row in enumerate(rows)]
        story.then(done, "done", action_done_at=done, is_measure_implemented=True, trackings=completed)
        self.prove(story, done, completed, visit)

    def trackings(self, unit: str, measure: str, prevention: str, due: datetime) -> list[dict[str, Any]]:
        return [
            {"measure": f"{text}。", "measure_kind": kind, "handler": people.of_unit(unit, lead=place == 1),
             "due_on": due.date()}
            for place, (kind, text) in enumerate((("corrective", measure), ("preventive", prevention)))]

    def prove(self, story: Story, done: datetime, rows: list[dict[str, Any]], visit: bool) -> None:
        """Verified, effective after a month without a repeat, reported, noted and closed."""
        clock = self.clock
        verified = clock.later(done, 1, 3)
        tracked = [{**row, "result_text": "现场抽查三次，均按新要求执行。", "tracked_by": "quality_engineer2"} for row in rows]
        story.then(verified, "verified", verification_text="查看记录并现场验证，措施已落实。", trackings=tracked,
                   verified_by="quality_engineer2", verified_at=verified,
                   accountability_text="对责任班组通报并扣当月质量考核2分。", is_accountability_done=True,
                   education_text="组织相关工序人员培训一次，签到并考试合格。", is_education_done=True,
                   horizontal_deployment="同类产品线已同步检查并采取相同措施。")
        effective = clock.later(done, 30, 33)
        story.then(effective, "effective", effective_at=effective, effectiveness_text="一个月内未再发生同类问题，措施有效。")
        answered = {"reply_text": "已将整改结果函告顾客，顾客表示认可。", "replied_at": effective} if visit else {}
        reported = clock.later(effective, 1, 3)
        story.then(reported, "reported", reported_at=reported, **answered)
        noted = clock.later(reported, 1, 2)
        story.then(noted, "reported", gm_noted_at=noted)
        closed = clock.later(noted, 0.6, 2)
        story.then(closed, "closed", closed_at=closed)

    def withdrawn(self, moment: datetime) -> None:
        """An action that was given to the wrong department and taken back."""
        story = Story(moment, "quality_engineer", "draft", department="QA", source_type="other", responsible_unit="SUB-CQ",
                      problem="仓库叉车碰伤在库总成包装，要求整改。", is_confirmed_problem=False)
        issued = self.clock.soon(moment, 30, 120)
        story.then(issued, "issued", issued_at=issued).then(self.clock.later(issued, 1, 2), "cancelled")
        self.stories.append(story)

    def told(self, states: list[str]) -> list[Rec]:
        """Every action that had begun by the last evening."""
        begun = [story for story in self.stories if story.record["created_at"] <= self.clock.end]
        return tell(sorted(begun, key=lambda story: story.record["created_at"]), self.clock, states)

    def about(self, moment: datetime, since: datetime) -> list[Rec]:
        """Actions on a product that were there at a moment."""
        return [story.record for story in self.stories
                if "product_batch" in story.record and since <= story.record["created_at"] <= moment]
