"""Who owes something that does not exist yet, so that no clock can run on it: reports, plans, surveys. Told each day as
long as it is so, and each person hears of each occasion once; what a day of downtime missed the next day tells."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from models.base import Record
from models.dealers.dealer_monthly_work_report import DealerMonthlyWorkReport
from models.dealers.monthly_quality_report import MonthlyQualityReport
from models.dealers.outlet_quarterly_summary import OutletQuarterlySummary
from models.master.customer import Customer
from models.master.dealer_ledger import DealerLedger
from models.parts.parts_demand_plan import PartsDemandPlan
from models.people import Membership, User
from models.satisfaction.quarterly_service_analysis import QuarterlyServiceAnalysis
from models.satisfaction.satisfaction_questionnaire import SatisfactionQuestionnaire
from models.satisfaction.satisfaction_survey_plan import SatisfactionSurveyPlan
from models.spec import CALLED_OFF, Period, Text
from models.warranty.recall_campaign import RecallCampaign, is_accounted_for
from rules import areas, notices, office
from rules.act import Act

LOOKING_BACK = 3      # periods whose end is still told of
OWES = ("active", "rectifying")


def quarter_of(day: date) -> Period:
    return Period(day.year, day.month - (day.month - 1) % 3, 3)


@dataclass(frozen=True)
class Owed:
    """A report for every period. It is due on the day of a parameter in the month that `due_in` names; dealers are
    reminded so many days before."""

    model: type[Record]
    period: str                                   # the field
    parameter: str
    period_of: Callable[[date], Period]
    due_in: Callable[[Period], Period]
    reminders: tuple[int, ...]

    def due_on(self, act: Act, period: Period) -> date:
        month = self.due_in(period)
        return month.day(act.parameter(self.parameter, at=office.start_of(month.day(1))))

    def periods(self, act: Act) -> Iterator[Period]:
        """The present one and those before it, the oldest first."""
        period, found = self.period_of(act.today), []
        for _ in range(LOOKING_BACK + 1):
            found.append(period)
            period = period.previous()
        yield from reversed(found)

    def handed_in(self, period: Period, who: Any, person: Any) -> Any:
        """Has somebody handed it in? A correction that was sent back counts as handed in."""
        field, model = self.model.spec.fields, self.model
        return sa.exists().where(
            getattr(model, field[self.period].column) == str(period), model.state.not_in(CALLED_OFF),
            model.submitted_at.is_not(None), who == person)


def _same(period: Period) -> Period:
    return period


REPORTS = tuple(
    Owed(model, "period", "dealer_report_day", Period.of, Period.following, (2, 0))
    for model in (MonthlyQualityReport, DealerMonthlyWorkReport))
PLAN = Owed(PartsDemandPlan, "period", "parts_plan_day", Period.of, _same, (3, 1))
SUMMARY = Owed(OutletQuarterlySummary, "quarter", "quarter_report_day", quarter_of, Period.following, (5, 1))
ANALYSIS = Owed(QuarterlyServiceAnalysis, "quarter", "quarter_report_day", quarter_of, Period.following, (5, 1))

SOON = Text("{period} 的《{type}》请于 {due} 前提交", "“{type}” for {period} is due by {due}")
LATE = Text("{period} 的《{type}》已超过期限（{due}），尚未提交", "“{type}” for {period} is late: it was due by {due}")
LATE_DEALERS = Text("{count} 家服务商未按时提交 {period} 的《{type}》：{codes}",
                    "{count} dealers have not handed in “{type}” for {period} in time: {codes}")
NO_SURVEY = Text("{period} 尚无已批准的满意度调查方案（应于 {due} 前批准）",
                 "There is no approved survey plan for {period} (due by {due})")
NOT_SURVEYED = Text("{year} 年尚有 {count} 家有效顾客未做满意度调查（顾客列表按“满意度调查期限”{year} 筛选）",
                    "{count} active customers are not surveyed in {year} yet (customers, filter “Survey due on” {year})")
COVERAGE = Text("{year} 年满意度调查已结束：{count} 家有效顾客全年未被调查",
                "The surveys of {year} are over: {count} active customers were never asked")
ALL_ACCOUNTED = Text("召回 {number} 的车辆均已有结果，可以提交总结报告",
                     "Every vehicle of recall {number} has its result: the final report can be written")


# Dealers: monthly reports, parts plans, outlets' summaries --------------------------------------------------------

def dealer_reports(act: Act) -> int:
    return sum(_dealers(act, owed) for owed in REPORTS)


def parts_plans(act: Act) -> int:
    return _dealers(act, PLAN)


def quarter_reports(act: Act) -> int:
    return _dealers(act, SUMMARY) + _salespeople(act) + _survey(act)


def _occasion(act: Act, owed: Owed, period: Period) -> tuple[str, Text] | None:
    """What is told of it today: the latest reminder whose day has come, or that it is late."""
    due = owed.due_on(act, period)
    if act.today > due:
        return "late", LATE
    days = [before for before in owed.reminders if act.today >= due - timedelta(days=before)]
    return (f"soon-{min(days)}", SOON) if days else None


def _told(owed: Owed, period: Period, due: date) -> dict[str, Any]:
    return {"period": period, "type": owed.model.spec.label, "due": f"{due:%Y-%m-%d}"}


def _dealers(act: Act, owed: Owed) -> int:
    told = 0
    if areas.is_off(owed.model.spec):
        return told
    for period in owed.periods(act):
        occasion = _occasion(act, owed, period)
        if occasion is None:
            continue
        stage, text = occasion
        dealers, words = _owing(act, owed, period), _told(owed, period, owed.due_on(act, period))
        for dealer in dealers:
            told += notices.tell(act, dealer, ("dealer",), text.with_(**words), kind="report_owed",
                                 key=f"{owed.model.spec.name}:{period}:{stage}")
        if dealers and stage == "late":
            codes = "、".join(dealer.dealer_code for dealer in dealers[:20]) + ("…" if len(dealers) > 20 else "")
            told += notices.tell_house(act, ("customer_service",), LATE_DEALERS.with_(count=len(dealers), codes=codes, **words),
                                       kind="report_owed", key=f"{owed.model.spec.name}:{period}:late")
    return told


def _owing(act: Act, owed: Owed, period: Period) -> list[Any]:
    """The dealers that owe it for the period, as the grade sheets count them, and have not handed it in."""
    dealer, due = DealerLedger, office.end_of(owed.due_on(act, period))
    return list(act.session.scalars(sa.select(dealer).where(
        dealer.state.in_(OWES), dealer.outlet_type != "sales_outlet", dealer.established_on <= period.day(1),
        dealer.created_at <= due,
        sa.not_(owed.handed_in(period, owed.model.dealer_id, dealer.id))).order_by(dealer.dealer_code)))


# Our own people ---------------------------------------------------------------------------------------------------

def _salespeople(act: Act) -> int:
    told = 0
    if areas.is_off(ANALYSIS.model.spec):
        return told
    for period in ANALYSIS.periods(act):
        occasion = _occasion(act, ANALYSIS, period)
        if occasion is None:
            continue
        stage, text = occasion
        end = office.bounds(period)[1]
        people = list(act.session.scalars(sa.select(User.id).where(
            User.is_active, User.created_at < end,
            User.id.in_(sa.select(Membership.user_id).where(Membership.role == "sales")),
            sa.not_(ANALYSIS.handed_in(period, QuarterlyServiceAnalysis.salesperson_id, User.id)))))
        words = _told(ANALYSIS, period, ANALYSIS.due_on(act, period))
        told += notices.tell_house_people(act, people, text.with_(**words), kind="report_owed",
                                          key=f"{ANALYSIS.model.spec.name}:{period}:{stage}")
    return told


def _survey(act: Act) -> int:
    """From the day on which a plan should be approved; a quarter without one stays so."""
    plan, period = SatisfactionSurveyPlan, quarter_of(act.today)
    days = act.parameter("survey_approval_day", at=office.start_of(period.day(1)))
    due = period.day(1) + timedelta(days=days - 1)
    approved = act.session.scalar(sa.select(plan.id).where(
        plan.quarter == str(period), plan.state.not_in(CALLED_OFF), plan.approved_at.is_not(None)).limit(1))
    if act.today < due or approved is not None or areas.is_off(plan.spec):
        return 0
    return notices.tell_house(act, ("quality_manager", "management_representative"),
                              NO_SURVEY.with_(period=period, due=f"{due:%Y-%m-%d}"), kind="report_owed", key=f"survey:{period}")


def yearly_survey(act: Act) -> int:
    """In December who is still to be asked, in January who never was."""
    day = act.today
    if day.month not in (1, 12) or areas.is_off(SatisfactionQuestionnaire.spec):
        return 0
    year, text = (day.year, NOT_SURVEYED) if day.month == 12 else (day.year - 1, COVERAGE)
    missed = _not_surveyed(act, year)
    if not missed:
        return 0
    return notices.tell_house(act, ("quality_engineer", "quality_manager"), text.with_(year=year, count=missed),
                              kind="report_owed", key=f"yearly_survey:{year}:{day.month}")


def _not_surveyed(act: Act, year: int) -> int:
    """Active customers of that year to whom no form was sent in it."""
    form, (start, end) = SatisfactionQuestionnaire, office.bounds(Period(year, 1, 12))
    asked = sa.exists().where(form.customer_id == Customer.id, form.sent_at >= start, form.sent_at < end,
                              form.state.not_in(CALLED_OFF))
    return act.session.scalar(sa.select(sa.func.count()).select_from(Customer).where(
        Customer.state == "active", Customer.created_at < end, sa.not_(asked))) or 0


def recalls(act: Act) -> int:
    """A recall all of whose vehicles have their result waits for its final report."""
    campaigns = act.session.scalars(
        sa.select(RecallCampaign).where(RecallCampaign.state == "executing").order_by(RecallCampaign.id)).all()
    return sum(
        notices.tell(act, campaign, ("quality_manager",), ALL_ACCOUNTED.with_(number=campaign.number), kind="report_owed",
                     key="all-accounted")
        for campaign in campaigns if is_accounted_for(campaign, act))
