"""评价评分表."""

from decimal import Decimal

import sqlalchemy as sa

from models.base import (
    Line, Record, choice, day, decimal, integer, lines, link, longtext, moment, person, rounded, text,
    yes_no,
)
from models.conditions import filled, if_so, is_changed, one_of
from models.spec import Condition, Default, Move, RecordType, Series, Text, Workflow, months_after, states

# The three groups of GB/T 27922: their points, and the indicators that belong to each.
GROUPS = {
    "service_system": (40, ("organisation_structure", "staffing", "resources", "requirements", "supervision",
                            "improvement", "service_culture")),
    "product_service": (35, ("product_information", "technical_support", "distribution", "repair",
                             "quality_assurance", "waste_recovery")),
    "customer_service": (25, ("customer_relations", "complaint_handling")),
}
LEVELS = (("five_star", 95), ("four_star", 90), ("three_star", 80), ("qualified", 70))   # lower bounds, included
DEDUCTIONS_THAT_FAIL, MOST_BONUSES = 5, 1
VERIFIED = ("verified", "closed", "void")   # states of a nonconformity that bars no certificate


def sums_up(sheet, act) -> bool:
    return all(
        sum((row.full_points or 0 for row in sheet.indicators if row.indicator_group == group), Decimal(0)) == points
        for group, (points, _) in GROUPS.items())


def is_complete(sheet, act) -> bool:
    """Fifteen indicators, each with points and evidence, or deleted with a reason."""
    wanted = {name for _, names_ in GROUPS.values() for name in names_}
    return {row.indicator for row in sheet.indicators} == wanted and all(
        bool(row.deletion_reason) if row.is_deleted else row.actual_points is not None and bool(row.evidence)
        for row in sheet.indicators)


def is_leader(sheet, act) -> bool:
    plan = act.get("evaluation_plan", sheet.evaluation_plan_id)
    return plan is not None and any(
        row.evaluator_id == act.actor.id and row.team_role == "leader" for row in plan.team)


def set_validity(sheet, act) -> None:
    """A certificate that is granted holds for three years, unless the office says otherwise."""
    if sheet.certificate_decision == "grant":
        sheet.valid_until_on = sheet.valid_until_on or months_after(act.today, act.parameter("certificate_months"))


def open_majors(sheet, act) -> int:
    """The major nonconformities of the plan, as they stand now, that are not verified on site."""
    reports = act.find("nonconformity_report", evaluation_plan_id=sheet.evaluation_plan_id, severity="major")
    return sum(row.state not in VERIFIED for row in reports)


GRANT = one_of("certificate_decision", "grant")
COMPLETE = Condition(is_complete, Text(
    "十五项指标须齐全，每项有得分和评价证据，或注明删减理由",
    "All fifteen indicators are needed, each with points and evidence, or deleted with a reason"))
GROUPS_SUM_UP = Condition(sums_up, Text(
    "三个一级指标的分值须分别合计为 40、35、25", "The points of the three groups have to sum to 40, 35 and 25"))
DEDUCTIONS_REPORTED = Condition(
    lambda sheet, act: all(row.nonconformity_report_id for row in sheet.special_items if row.kind == "deduction"),
    Text("每项特别扣分须有不符合报告", "Every special deduction needs a nonconformity report"))
BY_THE_LEADER = Condition(
    is_leader,
    Text("由评价计划的组长汇总", "The team leader of the plan consolidates"))
NOT_FAILED = Condition(
    lambda sheet, act: sheet.level not in (None, "failed"),
    Text("评价不合格，不能授予证书", "A failed evaluation grants no certificate"))
NO_MAJOR_OPEN = Condition(
    lambda sheet, act: open_majors(sheet, act) == 0,
    Text("尚有未经现场验证有效的严重不符合，不能授予证书",
         "A major nonconformity is not verified on site yet: the certificate cannot be granted"))


class Indicator(Line, of="evaluation_scoresheet"):
    """One of the fifteen indicators, and how it was found."""

    indicator_group = choice("一级指标", ("service_system", "售后服务体系", "After-sale service system"),
        ("product_service", "商品服务"), ("customer_service", "顾客服务"), required=True)
    indicator = choice("二级指标", ("organisation_structure", "组织架构"), ("staffing", "人员配置"),
        ("resources", "资源配置"), ("requirements", "规范要求", "Documented requirements"),
        ("supervision", "监督"), ("improvement", "改进"), ("service_culture", "服务文化"),
        ("product_information", "商品信息"), ("technical_support", "技术支持"), ("distribution", "配送"),
        ("repair", "维修"), ("quality_assurance", "质量保证"),
        ("waste_recovery", "废弃品回收", "Recovery of discarded products"), ("customer_relations", "顾客关系"),
        ("complaint_handling", "投诉处理"), required=True)
    full_points = decimal("指标分值", required=True, origin="P")
    is_deleted = yes_no("删减", origin="P", default=False)
    deletion_reason = text("删减理由", origin="P")
    sample_count = integer("抽样数", origin="P")
    failed_count = integer("不符合数", origin="P")
    actual_points = decimal("实得分")
    evidence = longtext("评价证据")
    evaluator_id = person("评价员")


class SpecialItem(Line, of="evaluation_scoresheet"):
    """A fact that costs a point, or earns one."""

    kind = choice("类别", ("deduction", "特别扣分", "Special deduction"), ("bonus", "特别加分", "Special bonus"),
        required=True, origin="P")
    description = longtext("事实", required=True, origin="P")
    nonconformity_report_id = link("nonconformity_report", "不符合报告", origin="X")


class EvaluationScoresheet(Record):
    """Filled in by the evaluators for the three groups and fifteen indicators of GB/T 27922-2011, so
    that score and level come out by calculation."""

    evaluation_plan_id = link("evaluation_plan", "评价计划", required=True, group=("评价", "Evaluation"))
    evaluated_on = day("评价日期", required=True, origin="P")
    handler_id = person("评价组长", required=True, default=Default.CURRENT_USER)
    service_system_points = decimal("售后服务体系得分", group=("得分", "Scores"),
        derived="sum of actual_points of group service_system; group total 40")
    product_service_points = decimal("商品服务得分",
        derived="sum of actual_points of group product_service; group total 35")
    customer_service_points = decimal("顾客服务得分",
        derived="sum of actual_points of group customer_service; group total 25")
    applicable_points = decimal("适用总分", origin="X",
        derived="sum of full_points over indicators that are not deleted")
    base_score = decimal("基本得分", origin="X",
        derived="(sum of the three group points) / applicable_points x 100, unrounded")
    special_deduction_count = integer("特别扣分项数", origin="P",
        derived="special_items lines of kind deduction")
    special_bonus_count = integer("特别加分项数", origin="P",
        derived="special_items lines of kind bonus, at most 1 counted")
    score = decimal("最终得分",
        derived=(
        "base_score - special_deduction_count + min(special_bonus_count, 1), rounded half up "
        "to 2 decimals"))
    level = choice("评价级别", ("failed", "不合格"), ("qualified", "达标级"),
        ("three_star", "三星级", "Three stars"), ("four_star", "四星级", "Four stars"),
        ("five_star", "五星级", "Five stars"),
        derived=(
        "failed when score < 70 or special_deduction_count >= 5; else by 70 / 80 / 90 / 95, "
        "lower bounds inclusive"))
    open_major_count = integer("未关闭严重不符合", origin="X",
        derived=(
        "nonconformity_report rows of the plan with severity major that are neither verified "
        "nor closed"))
    certificate_decision = choice("认证决定", ("grant", "授予"), ("withhold", "暂不授予"), ("refuse", "不授予"),
                                  group=("结论", "Conclusion"))
    certificate_no = text("证书编号", origin="P")
    valid_until_on = day("证书有效期至", origin="P", help=(
        "授予时不填，按参数“认证证书有效期”计算", "From the decision on, as long as the parameter says, if left empty"))
    decided_at = moment("决定时间", origin="X")
    conclusion = longtext("评价结论", origin="P")
    indicators = lines(Indicator, "指标评分")
    special_items = lines(SpecialItem, "特别扣分与加分")

    def derive(self, act):
        for group in GROUPS:
            rows = [row for row in self.indicators if row.indicator_group == group and not row.is_deleted]
            setattr(self, f"{group}_points", sum((row.actual_points or 0 for row in rows), Decimal(0)))
        applicable = [row for row in self.indicators if not row.is_deleted]
        self.applicable_points = sum((row.full_points or 0 for row in applicable), Decimal(0))
        kinds = [row.kind for row in self.special_items]
        self.special_deduction_count, self.special_bonus_count = kinds.count("deduction"), kinds.count("bonus")
        self._score()
        if self.state != "concluded":
            self.open_major_count = open_majors(self, act)

    def _score(self):
        """Rounded once, at the end."""
        if not self.applicable_points:
            self.base_score = self.score = self.level = None
            return
        points = sum((getattr(self, f"{group}_points") for group in GROUPS), Decimal(0))
        base = points / self.applicable_points * 100
        self.base_score = rounded(base, 4)
        self.score = rounded(base - self.special_deduction_count + min(self.special_bonus_count, MOST_BONUSES))
        is_failed = self.special_deduction_count >= DEDUCTIONS_THAT_FAIL
        reached = (name for name, least in LEVELS if self.score >= least and not is_failed)
        self.level = next(reached, "failed")

    def check(self, act):
        seen = set()
        for n, row in enumerate(self.indicators):
            if row.indicator in seen:
                yield f"indicators-{n}-indicator", Text("每项指标只能列一次", "Each indicator appears once")
            seen.add(row.indicator)
            if row.indicator_group and row.indicator not in GROUPS[row.indicator_group][1]:
                yield f"indicators-{n}-indicator_group", Text("该指标不属于这个一级指标", "It belongs to another group")
            if row.is_deleted and row.actual_points:
                yield f"indicators-{n}-actual_points", Text("删减的指标不计分", "A deleted indicator has no points")
            if row.actual_points is not None and row.full_points is not None and row.actual_points > row.full_points:
                yield f"indicators-{n}-actual_points", Text("实得分不能超过分值", "No more points than the indicator has")
        if not act.is_history and act.move is None and self.state != "open" and (
                is_changed(self, "indicators") or is_changed(self, "special_items")):
            yield "indicators", Text("评分已完成；更改请先退回评分", "Scoring is finished: reopen the sheet to change it")

        if not act.is_history:
            yield from self._scored_by_others(act)

    def _scored_by_others(self, act):
        """The rows of other evaluators' tasks; the leader may change all of them."""
        if self.id is None or act.actor.id is None or is_leader(self, act):
            return
        removed = sa.inspect(self).attrs.indicators.history.deleted or ()
        if any(row.evaluator_id not in (None, act.actor.id) for row in removed):
            yield "indicators", Text("由另一评价员评分的指标不能删除", "The row of another evaluator stays")
        for n, row in enumerate(self.indicators):
            before = sa.inspect(row).attrs.evaluator_id.history.deleted
            evaluator = before[0] if before else row.evaluator_id
            if evaluator not in (None, act.actor.id) and act.session.is_modified(row):
                yield f"indicators-{n}-actual_points", Text(
                    "该指标由另一评价员评分", "Another evaluator scores this indicator")

    def start_from(self, source, act):
        """The fifteen indicators; their points are entered from the standard that the office owns."""
        self.indicators += [Indicator(indicator_group=group, indicator=name)
                            for group, (_, names_) in GROUPS.items() for name in names_]

    spec = RecordType(
        code="ESC", zh="评价评分表", en="Evaluation score sheet",
        source="002 现场评价 评价内容, 评价实施 c), 不符合; 002 list of 15 indicators",
        series=Series("ESC-{yyyy}-{n:03}"),
        list=("number", "evaluation_plan", "evaluated_on", "score", "level", "special_deduction_count",
              "open_major_count", "certificate_decision", "state"),
        search=("number", "certificate_no", "conclusion"),
        filters=("state", "evaluation_plan", "level", "certificate_decision", "evaluated_on"),
        links_in=("evaluation_plan",),
        workflow=Workflow(
            states(("open", "评分中"), ("scored", "已评分"), ("consolidated", "已汇总"), ("concluded", "已结论")),
            moves=(
                Move("finish_scoring", "完成评分", source=("open",), to="scored", by=("evaluator",),
                    requires=("indicators", "evaluated_on"), when=(GROUPS_SUM_UP, COMPLETE)),
                Move("reopen", "退回评分", source=("scored", "consolidated"), to="open", by=("evaluator",),
                    comment=True),
                Move("consolidate", "组长汇总", source=("scored",), to="consolidated", by=("evaluator",),
                    requires=("handler",), when=(BY_THE_LEADER, DEDUCTIONS_REPORTED)),
                Move("conclude", "作出结论", source=("consolidated",), to="concluded", by=("evaluator",),
                    requires=("certificate_decision", "conclusion"), stamps=("decided_at",), then=set_validity,
                    when=(if_so(GRANT, NOT_FAILED), if_so(GRANT, NO_MAJOR_OPEN),
                          if_so(GRANT, filled("certificate_no")))),
            ),
        ),
        access={
            "quality_manager": "V", "deputy_gm": "V", "management_representative": "V",
            "general_manager": "V", "evaluator": "CEVX",
        },
        rules=(
            "BR-17 the certificate cannot be granted while any major nonconformity of the plan is not "
            "verified effective on site",
            "the full points of the groups in the configuration add up to 40, 35 and 25; a sheet is "
            "refused when they do not",
            "each of the fifteen indicators appears exactly once and in its own group (7, 6 and 2)",
            "0 <= actual_points <= full_points; a deleted indicator has no points and needs a reason",
            "score and level are computed and never typed",
            "score = actual / applicable x 100 - special deductions + at most one bonus: 88 of 97 with "
            "2 deductions and 1 bonus gives 89.72, three stars",
            "five or more special deductions fail whatever the score: base 99.00 with 5 gives 94.00 and "
            "failed",
            "bounds are inclusive: 70.00 qualified, 69.99 failed, 95.00 five stars",
            "every special deduction has a nonconformity_report to be rectified",
            "an evaluator scores only the indicators of the own task; consolidation is by the team "
            "leader",
            "a concluded sheet cannot be edited",
        ),
    )
