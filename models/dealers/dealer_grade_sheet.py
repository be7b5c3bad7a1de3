"""服务商分级考核表."""

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

import sqlalchemy as sa

from models.base import (
    Line, Record, choice, decimal, integer, lines, link, longtext, moment, percent, period, person, quarter,
    rounded,
    text, yes_no,
)
from models.compiled import ask_for_compilation, compile_again
from models.conditions import actor_is_not, is_changed
from models.spec import (
    SIGNER, SYSTEM, Chart, ChartKind, Condition, Deadline, Move, Period, RecordType, Series, Step, Text, Workflow, choices, states,
)

INDICATORS = choices(
    ("report_timeliness", "报表及时率"), ("first_time_fix", "一次修复率", "First-time fix"),
    ("arrival_timeliness", "响应及时率"), ("customer_satisfaction", "顾客满意度"),
    ("complaint_closing", "投诉按期关闭率", "Complaints closed on time"),
    ("appraisal_pass", "保修鉴定合格率", "Appraisals passed"), ("parts_plan_timeliness", "配件计划及时率"),
    ("training_pass", "培训合格率", "Training passed"),
)
GRADES = choices(
    ("a", "A级", "Grade A"), ("b", "B级", "Grade B"), ("c", "C级", "Grade C"), ("d", "D级", "Grade D"),
    ("not_rated", "不评级"),
)


def ask_dealer_anew(sheet, act) -> None:
    """What the dealer confirmed was the review before this one."""
    sheet.signed_by_id = sheet.signed_at = None


def appeal_ends_at(sheet, act):
    return act.add_workdays(sheet.reviewed_at, act.parameter("grade_appeal_days", at=sheet.reviewed_at))


def set_grade(sheet, act) -> None:
    """The published grade is the dealer's, unless one of a later period is published already or nothing was
    rated."""
    dealer = act.get("dealer_ledger", sheet.dealer_id)
    if sheet.grade != "not_rated" and not any(
            other.state == "published" and other.last_day > sheet.last_day and other.grade != "not_rated"
            for other in act.find("dealer_grade_sheet", dealer_id=sheet.dealer_id)):
        dealer.current_grade = sheet.grade
        act.touch(dealer)
    if sheet.consecutive_d_count:
        put_under_rectification(sheet, dealer, act)


def put_under_rectification(sheet, dealer, act) -> None:
    """A month graded D; the quarter's D repeats that of a month and brings nothing new."""
    if dealer.state == "active":
        said, act.comment = act.comment, f"{sheet.spec.zh} {sheet.number}"
        act.make(dealer, "rectify")
        act.comment = said
    if any(notice.state != "cancelled" for notice in act.find("reward_penalty_notice",
                                                              dealer_grade_sheet_id=sheet.id)):
        return
    again = sheet.consecutive_d_count > 1
    limit = act.today + timedelta(days=act.parameter("grade_rectify_days"))
    act.new(
        "reward_penalty_notice", dealer=sheet.dealer_id, kind="penalty", dealer_grade_sheet=sheet.id,
        period=sheet.period,
        measure_type="withdrawal_review" if again else "rectification", effective_on=act.today,
        rectify_due_on=None if again else limit, measure=sheet.reward_penalty_measure or (
            "连续两次以上考核为D级，提请退网评审" if again else f"考核为D级，限{limit}前完成整改"),
        basis=f"{sheet.spec.zh} {sheet.number}（{sheet.period}）")


APPEAL_IS_OPEN = Condition(
    lambda sheet, act: act.now <= appeal_ends_at(sheet, act),
    Text("申诉期限已过", "The time for an appeal is over"))
FIRST_APPEAL = Condition(
    lambda sheet, act: sheet.appealed_at is None,
    Text("每张考核表只能申诉一次", "A sheet is appealed against once"))
APPEAL_IS_OVER = Condition(
    lambda sheet, act: act.now > appeal_ends_at(sheet, act),
    Text("服务商的确认和申诉期限未到", "The dealer can still confirm or appeal"))


class Indicator(Line, of="dealer_grade_sheet"):
    """One indicator with the two counts from which its rate and its points come."""

    indicator = choice("指标", INDICATORS, required=True, origin="P", system=True)
    weight = decimal("权重", required=True, origin="P", system=True)
    target_rate = percent("目标", origin="P")
    numerator = decimal("分子", origin="X", system=True)
    denominator = decimal("分母", origin="X", system=True)
    is_applicable = yes_no("适用", required=True, origin="X", derived="denominator is not 0")
    rate = percent("实际", origin="P", derived="numerator / denominator")
    score = decimal("得分", origin="P", derived="weight * numerator / denominator; empty when not applicable")
    deduction = decimal("扣分", origin="P", derived="weight - score")
    remark = text("说明", origin="P")

    def points(self):
        """The exact points; computed from the counts, never from the rounded rate."""
        return exact_share(self.numerator, self.denominator, self.weight)

    def derive(self):
        counts = self.numerator, self.denominator
        applies = bool(self.denominator) and None not in (self.weight, self.numerator)
        score = kept(self.points(), 4) if applies else None
        found = {"is_applicable": applies, "rate": kept(exact_share(*counts), 6) if applies else None, "score": score,
                 "deduction": self.weight - score if applies else None}
        for name, value in found.items():
            if getattr(self, name) != value:   # what is set counts as touched, and the audit looks through it
                setattr(self, name, value)


@lru_cache(4096)
def exact_share(numerator, denominator, weight=1):
    """Every save asks for the same ones several times."""
    return Fraction(weight) * Fraction(numerator) / Fraction(denominator)


def kept(exact, places):
    """A fraction as the column keeps it, half up."""
    twice = 2 * exact.denominator
    return Decimal((2 * exact.numerator * 10**places + exact.denominator) // twice).scaleb(-places)


class Evidence(Line, of="dealer_grade_sheet"):
    """One record, or one that was owed, and how it counts for an indicator."""

    indicator = choice("指标", INDICATORS, required=True, origin="X", system=True)
    source_type = text("记录类型", required=True, origin="X", system=True)
    source_number = text("单号", origin="X", system=True)
    happened_at = moment("发生时间", origin="X", system=True)
    due_at = moment("期限", origin="X", system=True)
    is_counted = yes_no("计入分母", required=True, origin="X", system=True)
    is_hit = yes_no("计入分子", required=True, origin="X", system=True)
    related_number = text("关联单号", origin="X", system=True)


class Veto(Line, of="dealer_grade_sheet"):
    """A verified violation that makes the grade D whatever the score."""

    conduct_violation_id = link("conduct_violation", "服务行为违规记录", required=True, origin="P", system=True)
    verified_at = moment("查实时间", required=True, origin="X", system=True)
    reason = text("否决原因", required=True, origin="P", system=True)


class Month(Line, of="dealer_grade_sheet"):
    """A month of the quarter and its score."""

    dealer_grade_sheet_id = link("dealer_grade_sheet", "月度考核表", required=True, origin="X", system=True)
    period = period("月份", required=True, origin="X", system=True)
    score = decimal("成绩", origin="X", system=True)
    is_applicable = yes_no("计入平均", required=True, origin="X", system=True)


class DealerGradeSheet(Record):
    """Computed for each dealer and month (and averaged for the quarter) from its reports, repairs, arrivals,
    user feedback and satisfaction; reviewed by customer service and confirmed by the dealer, it decides
    reward, penalty and settlement coefficient."""

    dealer_id = link("dealer_ledger", "服务商", required=True, system=True, group=("考核对象", "Whom and when"))
    sheet_kind = choice("考核类型", ("monthly", "月度"), ("quarterly", "季度"), required=True, origin="X",
                        default="monthly", system=True)
    period = period("考核月份", system=True)
    quarter = quarter("考核季度", origin="X", system=True)
    dealer_monthly_work_report_id = link("dealer_monthly_work_report", "服务商工作月报表", system=True,
                                         group=("依据", "What it rests on"))
    monthly_quality_report_id = link("monthly_quality_report", "质量信息月报表", origin="X", system=True)
    repair_summary = longtext("维修情况")
    feedback_summary = longtext("用户反馈信息")
    satisfaction_summary = longtext("顾客满意度调查情况")
    applicable_weight = decimal("适用权重合计", origin="X",
                                derived="sum of weight over indicators with is_applicable",
                                group=("成绩与等级", "Score and grade"))
    weighted_sum = decimal("加权得分合计", origin="X", derived=(
        "sum of weight * numerator / denominator over applicable indicators, unrounded"))
    score = decimal("考评成绩", derived=(
        "weighted_sum / applicable_weight * 100, ROUND_HALF_UP 2 decimals; empty when not rated"))
    is_rated = yes_no("是否评级", origin="X", derived="applicable_weight > 0")
    grade = choice("综合考评结果(等级)", GRADES, derived=(
        "D with a veto; else by the rounded score; not_rated when not rated and no veto"))
    previous_grade = choice("上期等级", GRADES, origin="P",
                            derived="grade of the dealer's sheet of the same kind before")
    coefficient = decimal("结算系数", origin="P",
                          derived="A 1.05, B 1.00, C 0.95, D 0.90, not_rated 1.00 (parameters)")
    has_veto = yes_no("否决", origin="P", derived="vetoes has a line")
    veto_reason = longtext("否决原因", origin="X", derived="text of the vetoes lines")
    consecutive_d_count = integer("连续D级次数", origin="X", derived=(
        "monthly sheets graded D in a row, this one included"))
    reward_penalty_measure = longtext("奖罚措施", help=(
        "公布D级时据此拟奖罚通知，不填则用通用措辞", "Goes into the notice that a published grade D proposes"))
    review_opinion = longtext("客户服务部复核意见", origin="P", group=("复核、确认与申诉", "Review, confirmation, appeal"))
    reviewer_id = person("复核人", origin="P")
    appeal_text = longtext("服务商申诉", origin="P")
    appeal_answer = longtext("申诉答复", origin="X")
    signed_by_id = person("服务商确认人", origin="P")
    signed_at = moment("服务商确认时间", origin="P")
    data_as_of = moment("数据截止时间", origin="X", group=("办理", "Progress"))
    reviewed_at = moment("复核时间", origin="X")
    appealed_at = moment("申诉时间", origin="X")
    approved_at = moment("批准时间", origin="X")
    published_at = moment("公布时间", origin="X")
    indicators = lines(Indicator, "考核指标")
    evidence = lines(Evidence, "取数明细")
    vetoes = lines(Veto, "否决项")
    months = lines(Month, "季度各月成绩")

    @property
    def last_day(self):
        return Period.parse(self.period or self.quarter).last_day

    def exact_score(self, act):
        """The unrounded score; None when not rated. A quarter is the mean of its rated months."""
        if self.sheet_kind != "quarterly":
            points, weight = self._points()
            return points / Fraction(weight) * 100 if weight else None
        sheets = [act.get("dealer_grade_sheet", row.dealer_grade_sheet_id) for row in self.months]
        found = [sheet.exact_score(act) for sheet in sheets if sheet and sheet.sheet_kind == "monthly"]
        scores = [score for score in found if score is not None]
        return sum(scores, Fraction(0)) / len(scores) if scores else None

    def _points(self):
        """The exact points of the applicable indicators, and their weight."""
        rows = [row for row in self.indicators if row.is_applicable]
        return sum((row.points() for row in rows), Fraction(0)), sum((row.weight for row in rows), rounded(0, 4))

    def derive(self, act):
        for row in self.indicators:
            row.derive()
        points, weight = self._points()
        is_month = self.sheet_kind == "monthly"
        self.applicable_weight, self.weighted_sum = (weight, kept(points, 4)) if is_month else (None, None)
        exact = self.exact_score(act)
        self.is_rated = exact is not None
        self.score = kept(exact, 2) if self.is_rated else None
        self.has_veto = bool(self.vetoes)
        self.veto_reason = "\n".join(row.reason for row in self.vetoes) or None
        if self.period or self.quarter:
            self._grade(act)

    def _grade(self, act):
        """By the cut-offs and coefficients that hold at the end of the period."""
        at = act.end_of(self.last_day)
        reached = [grade for grade in ("a", "b", "c")
                   if self.is_rated and self.score >= act.parameter(f"grade_{grade}_from", at=at)]
        self.grade = "d" if self.has_veto else (reached or ["d"])[0] if self.is_rated else "not_rated"
        self.coefficient = act.parameter(f"grade_{'veto' if self.has_veto else self.grade}_coefficient",
                                         at=at)
        if self.state == "compiled" or self.consecutive_d_count is None:
            before = self._before(act)
            self.previous_grade = before.grade if before else None
            follows_d = (before.consecutive_d_count or 0) if before else 0
            is_d = self.sheet_kind == "monthly" and self.grade == "d"
            self.consecutive_d_count = follows_d + 1 if is_d else 0

    def _before(self, act):
        """The dealer's sheet of the same kind for the latest earlier period."""
        if self.state == "void":
            return None
        when = self.period or self.quarter
        known = act.known.get(("graded before", self.sheet_kind, when))
        found = graded_before(act, self.sheet_kind, when, [self.dealer_id]) if known is None else known
        return found.get(self.dealer_id)

    def check(self, act):
        if (self.period is None) == (self.sheet_kind == "monthly") or (self.quarter is None) == (
                self.sheet_kind == "quarterly"):
            yield "period", Text("月度考核表填月份，季度考核表填季度",
                                 "A monthly sheet has a month, a quarterly one a quarter")
        if act.actor.id is None or act.move is not None:
            return
        if any(sa.inspect(self).attrs[name].history.has_changes() for name in self.spec.lines):
            yield "indicators", Text("明细行由汇编生成，不能增减；原始记录更正后请重新汇编",
                                     "The lines are compiled: have the source records corrected, then "
                                     "compile again")
        if self.state in ("confirmed", "approved") and any(
                is_changed(self, name) for name in ("review_opinion", "appeal_text", "appeal_answer",
                                                    "indicators")):
            yield "review_opinion", Text("服务商确认后，复核和申诉内容不能再改",
                                         "Once confirmed, review and appeal stay as they are")

    spec = RecordType(
        code="DGS", zh="服务商分级考核表", en="Dealer grade sheet", source="004 §5.4.5, §7.10",
        series=Series("DGS-{yyyy}{mm}-{n:04}"), scope={"dealer": "dealer"}, compiled=True,
        unique=(("dealer", "period"), ("dealer", "quarter")),
        charts=(
            Chart(ChartKind.STACKED, Text("各指标得分与扣分", "Points and deductions of each indicator"),
                  of=("score", "deduction"), by="indicator", lines="indicators"),
            Chart(ChartKind.TREND, Text("历月成绩", "Scores of the months"), of=("score",), by="period",
                  same=("dealer", "sheet_kind")),
            Chart(ChartKind.TREND, Text("历季成绩", "Scores of the quarters"), of=("score",), by="quarter",
                  same=("dealer", "sheet_kind")),
            Chart(ChartKind.RANKING, Text("本月服务商排名", "Dealers of the month"), of=("score",), by="dealer",
                  same=("period", "sheet_kind")),
            Chart(ChartKind.RANKING, Text("本季服务商排名", "Dealers of the quarter"), of=("score",), by="dealer",
                  same=("quarter", "sheet_kind")),
        ),
        list=("number", "dealer", "sheet_kind", "period", "score", "grade", "coefficient", "has_veto",
              "state"),
        search=("number", "review_opinion", "veto_reason"),
        filters=("state", "dealer", "sheet_kind", "period", "quarter", "grade", "has_veto"),
        workflow=Workflow(
            states(("compiled", "已汇编"), ("reviewed", "已复核"), ("appealed", "申诉中"),
                   ("confirmed", "服务商已确认", "Confirmed"), ("in_approval", "审批中"), ("approved", "已批准"),
                   ("published", "已公布"), ("void", "作废")),
            moves=(
                Move("compile", "重新汇编", "Compile again", source=("compiled",), to="compiled",
                     by=(SYSTEM, "customer_service"), stamps=("data_as_of",), then=compile_again),
                Move("review", "复核", source=("compiled",), to="reviewed", by=("customer_service",),
                     requires=("data_as_of", "review_opinion"), stamps=("reviewed_at", "reviewer"),
                     then=ask_dealer_anew,
                     tells=("dealer",)),
                Move("confirm", "确认", source=("reviewed",), to="confirmed", by=("dealer",),
                     stamps=("signed_by", "signed_at")),
                Move("lapse", "逾期视为确认", source=("reviewed",), to="confirmed", by=(SYSTEM,),
                     when=(APPEAL_IS_OVER,)),
                Move("appeal", "申诉", source=("reviewed",), to="appealed", by=("dealer",),
                     requires=("appeal_text",),
                     stamps=("appealed_at",), when=(APPEAL_IS_OPEN, FIRST_APPEAL)),
                Move("uphold", "维持", source=("appealed",), to="confirmed", by=("customer_service",),
                     requires=("appeal_answer",)),
                Move("correct", "采纳并重算", source=("appealed",), to="compiled", by=("customer_service",),
                     requires=("appeal_answer",), then=ask_for_compilation),
                Move("submit", "报批", "Submit for approval", source=("confirmed",), to="in_approval",
                     by=("customer_service",), opens_round=True),
                Move("approve", "批准", source=("in_approval",), to="approved", by=(SIGNER,), signs=True,
                     stamps=("approved_at",), when=(actor_is_not("reviewer"),)),
                Move("send_back", "退回", source=("in_approval",), to="compiled", by=(SIGNER,), comment=True,
                     signs=True),
                Move("publish", "公布", source=("approved",), to="published", by=("customer_service",),
                     stamps=("published_at",), then=set_grade),
                Move("void", "作废",
                     source=("compiled", "reviewed", "appealed", "confirmed", "in_approval", "approved"),
                     to="void", by=("customer_service", SYSTEM), comment=True),
            ),
            approval=(Step("deputy_gm"),)),
        deadlines=(
            Deadline("appeal", "grade_appeal_days", starts="reviewed_at", met_by="signed_at",
                     during=("reviewed",), escalates=False, tell=("dealer",)),
        ),
        access={
            "customer_service": "CEVX", "quality_manager": "V", "dealer": "Kv", "finance": "V",
            "deputy_gm": "AVX",
            "general_manager": "V",
        },
        rules=(
            "One monthly sheet per dealer and period, one quarterly sheet per dealer and quarter, void ones "
            "not counted.",
            "Owed: a dealer whose dealer_ledger is active or rectifying and no sales_outlet, with "
            "established_on not later than the 1st of the month and withdrawn_on empty or after the month's "
            "end, owes one monthly_quality_report, one dealer_monthly_work_report and one parts_demand_plan "
            "for the month; other dealers owe none.",
            "1 report_timeliness = owed reports of the period submitted not later than the 5th of the next "
            "month 23:59:59 / owed reports; draft, returned and void ones are not submitted.",
            "2 first_time_fix = (completed - returns) / completed; completed = customer_repair_file of the "
            "dealer with completed_at in the month (service_kind maintenance and first_service not "
            "counted); a return is a completed repair whose vehicle and fault_category had an earlier "
            "repair completed at the same dealer 30 or fewer calendar days before (day 30 is a return, day "
            "31 is not); the earlier one may lie in an earlier month.",
            "3 arrival_timeliness = arrived_at <= arrive_due_at / on-site jobs of the month, over "
            "work_order and quality_info_transfer with an arrive_due_at (received_at + 24 h in province, + "
            "48 h out); exactly 24:00:00 and 48:00:00 are on time; a job counts once, in the month of the "
            "earlier of arrived_at and arrive_due_at; a quality_info_transfer that has a work_order counts "
            "through the work_order only.",
            "4 customer_satisfaction = CSI / 100; CSI = sum of weight * item score over the items answered "
            "/ sum of their weights, item score = sum of points / sum of max_points * 100 over all forms "
            "(defaults: quality 0.40, delivery 0.20, service 0.25, price 0.15; levels 100/80/60/40/20), "
            "from satisfaction_questionnaire rows of the dealer in state scored with returned_at in the "
            "month; invalid ones (fewer than half of the items answered) never count; no form: not "
            "applicable.",
            "5 complaint_closing = closed_at <= close_due_at / complaint_tracking_card rows of the dealer "
            "with close_due_at in the month; exactly at close_due_at is on time.",
            "6 appraisal_pass = (reviewed - rejected) / reviewed over warranty_appraisal rows of the dealer "
            "with reviewed_at in the month, once each with the last review_result; a last result returned "
            "does not count as reviewed.",
            "7 parts_plan_timeliness = owed parts_demand_plan of the period submitted not later than the "
            "10th of the period 23:59:59 / owed.",
            "8 training_pass = passed / required over the attendees lines with is_required naming the "
            "dealer, of training_record in state assessed or archived with held_on in the month; failed and "
            "absent are not passed.",
            "Cancelled, void and draft rows never count; months are Asia/Shanghai months of the moment "
            "named.",
            "Denominator 0: the indicator is not applicable and its weight leaves the total; no indicator "
            "applicable: not rated, no score, coefficient 1.00.",
            "score = sum(weight * rate) / sum(applicable weight) * 100 with exact fractions, rounded once, "
            "ROUND_HALF_UP, 2 decimals.",
            "A not_rated sheet leaves the current grade in dealer_ledger as it is.",
            "Grade by the rounded score: A >= 90.00, B >= 80.00, C >= 70.00, else D.",
            "BR-27 a conduct_violation of the dealer with is_veto, verified_at in the month and state "
            "verified or handled: grade d and coefficient 0.90 whatever the score, also without a score; "
            "the score is still shown.",
            "A D proposes rectification; the second D in a row proposes a withdrawal review "
            "(reward_penalty_notice).",
            "Quarterly score = mean of the unrounded scores of the rated months of the quarter, rounded "
            "once; no rated month: not rated; the grade of a quarter is D if a month of it has a veto.",
            "The reviewer is not the approver; a published sheet is frozen; compile is idempotent.",
        ),
    )


def graded_before(act, kind, when, dealers):
    """Dealer -> grade and count of its sheet of this kind for the latest earlier period."""
    cls = DealerGradeSheet
    period = cls.period if kind == "monthly" else cls.quarter
    rank = sa.func.row_number().over(partition_by=cls.dealer_id, order_by=period.desc()).label("rank")
    sheets = sa.select(cls.dealer_id, cls.grade, cls.consecutive_d_count, rank).where(
        cls.dealer_id.in_(dealers), cls.sheet_kind == kind, cls.state != "void", period < when).subquery()
    return {row.dealer_id: row for row in act.session.execute(sa.select(sheets).where(sheets.c.rank == 1))}
