"""顾客满意度评分(评价表)."""

from decimal import Decimal
from fractions import Fraction

import sqlalchemy as sa

from models.base import (
    Line, Record, choice, decimal, integer, lines, link, longtext, moment, percent, period, rounded,
)
from models.choices import SURVEY_ITEMS
from models.spec import SYSTEM, Condition, Move, Period, RecordType, Series, Text, Workflow, states

# What each kind of sheet is about.
SUBJECTS = {"round": ("satisfaction_survey_plan",), "customer": ("customer",), "dealer": ("dealer", "period")}
WEIGHTS = ("survey_weight", "product_quality_weight", "service_record_weight")
SATISFIED = ("very_satisfied", "satisfied")


def weighted(parts):
    """The mean of (value, weight) over the parts that have a value, as an exact fraction. None without any."""
    known = [(Fraction(value), Fraction(weight)) for value, weight in parts if value is not None and weight]
    total = sum(weight for _, weight in known)
    return sum(value * weight for value, weight in known) / total if total else None


def kept(exact, places=2):
    """An exact fraction as the column keeps it: divided and rounded once."""
    return None if exact is None else rounded(Decimal(exact.numerator) / exact.denominator, places)


def is_over(sheet, act) -> bool:
    """No more forms of the round can come in."""
    plan = act.get("satisfaction_survey_plan", sheet.satisfaction_survey_plan_id)
    return sheet.subject != "round" or (plan is not None and plan.state == "closed")


ROUND_IS_OVER = Condition(is_over, Text(
    "调查结束后方可确认评分", "The survey has to be closed before its score is confirmed"))


class Item(Line, of="satisfaction_score"):
    """What the valid forms say about one item."""

    item = choice("项目", SURVEY_ITEMS, required=True, system=True)
    weight = decimal("权重", required=True, origin="P", system=True)
    answered_count = integer("答题数", origin="P", derived="answers with points")
    points = decimal("得分合计", origin="P", derived="sum of answers.points")
    max_points = decimal("满分合计", origin="P", derived="sum of answers.max_points over answered lines")
    item_score = decimal("项目得分", origin="P", derived="points / max_points * 100")
    weighted_score = decimal("加权分", origin="P", derived="item_score * weight, unrounded")


class _Score:
    """The exact score of one item."""

    def __init__(self, item, weight, count, points, most):
        self.item, self.weight, self.count, self.points, self.most = item, weight, count, points, most
        self.item_score = Fraction(points) / Fraction(most) * 100


class SatisfactionScore(Record):
    """The system works out the satisfaction score of a survey round, a customer or a dealer from the
    returned forms and other evidence, and the quality manager confirms it."""

    subject = choice("评价对象", ("round", "本轮调查", "Survey round"), ("customer", "顾客"), ("dealer", "服务商"),
        required=True, origin="X", system=True, group=("评价对象", "Subject"))
    satisfaction_survey_plan_id = link("satisfaction_survey_plan", "调查方案", system=True)
    customer_id = link("customer", "顾客", origin="X", system=True)
    dealer_id = link("dealer_ledger", "服务商", origin="X", system=True)
    period = period("月份", origin="X", system=True)
    scoring_standard_id = link("controlled_document", "顾客满意度评分标准")
    sent_count = integer("发放数", origin="P", derived="questionnaires sent for the subject")
    returned_count = integer("回收数", origin="P", derived="questionnaires returned for the subject")
    valid_count = integer("有效表数", origin="P", derived="questionnaires of the subject in state scored")
    survey_score = decimal("调查表得分",
        derived="sum of items.weighted_score, weights renormalised over items with answers")
    product_quality_score = decimal("实物质量得分", group=("其他依据", "Other evidence"))
    service_record_score = decimal("现场服务记录得分",
        derived="mean of the level scores of field_service_record in the subject's period")
    other_situation = longtext("其它情况")
    survey_weight = percent("调查表权重", required=True, origin="X", default=Decimal(1))
    product_quality_weight = percent("实物质量权重", required=True, origin="X", default=Decimal(0))
    service_record_weight = percent("现场服务权重", required=True, origin="X", default=Decimal(0))
    score = decimal("满意度得分", origin="P",
        derived=(
        "(survey_score * survey_weight + product_quality_score * product_quality_weight + "
        "service_record_score * service_record_weight) / weights with a score, two decimals half up, rounded "
        "once at the end"))
    satisfaction_rate = percent("满意率", origin="P",
        derived="(very_satisfied + satisfied on the overall question) / valid_count")
    rank = integer("排名", origin="P",
        derived="place by score among the same subject kind and round or period")
    confirmed_at = moment("确认时间", origin="X")
    items = lines(Item, "分项得分")

    def derive(self, act):
        if self.state != "computed":
            return
        forms = self._forms(act)
        self.sent_count = sum(form.sent_at is not None for form in forms)
        self.returned_count = sum(form.returned_at is not None for form in forms)
        valid = [form for form in forms if form.state == "scored"]
        self.valid_count = len(valid)
        self._count_items(valid)
        survey = weighted([(row.item_score, row.weight) for row in self._scores(valid)])
        self.survey_score = kept(survey, 4)
        self.service_record_score = self._service_records(act)
        score = weighted([(survey, self.survey_weight), (self.product_quality_score, self.product_quality_weight),
                          (self.service_record_score, self.service_record_weight)])
        self.score = kept(score)
        pleased = sum(form.satisfaction_level in SATISFIED for form in valid)
        self.satisfaction_rate = rounded(Decimal(pleased) / len(valid), 6) if valid else None
        self.rank = self._rank(act)

    def _forms(self, act):
        """The questionnaires of the subject, those called off left out."""
        about = {"satisfaction_survey_plan_id": self.satisfaction_survey_plan_id}
        if self.subject == "dealer":
            about = {"dealer_id": self.dealer_id, "period": self.period}
        elif self.subject == "customer":
            about["customer_id"] = self.customer_id
        known = {name: value for name, value in about.items() if value is not None}
        form = self.types["satisfaction_questionnaire"].model
        found = act.session.scalars(
            sa.select(form).filter_by(**known).options(sa.orm.selectinload(form.answers))) if known else ()
        return [form for form in found if form.state != "void"]

    def _scores(self, valid):
        """Item and weight with its score as an exact fraction: what is kept in the lines is rounded."""
        found = {}
        for form in valid:
            for answer in form.answers:
                if answer.points is not None and answer.max_points:
                    row = found.setdefault(answer.item, [Decimal(0), Decimal(0), 0, answer.weight])
                    row[0], row[1], row[2] = row[0] + answer.points, row[1] + answer.max_points, row[2] + 1
        order = [choice.value for choice in SURVEY_ITEMS]
        return [_Score(item, weight, count, points, most) for item, (points, most, count, weight) in sorted(
            found.items(), key=lambda pair: order.index(pair[0]))]

    def _count_items(self, valid):
        present = {row.item: row for row in self.items}
        rows = []
        for score in self._scores(valid):
            row = present.get(score.item) or Item(item=score.item)
            row.position, row.weight, row.answered_count = len(rows), score.weight, score.count
            row.points, row.max_points = score.points, score.most
            row.item_score = kept(score.item_score, 4)
            row.weighted_score = kept(score.item_score * Fraction(score.weight), 4)
            rows.append(row)
        if [id(row) for row in rows] != [id(row) for row in self.items]:
            self.items = rows

    def _service_records(self, act):
        """The mean points of what users noted on the field service records of the subject in its period."""
        plan = act.get("satisfaction_survey_plan", self.satisfaction_survey_plan_id)
        text = self.period or (plan and plan.quarter)
        if not text:
            return None
        record, span = self.types["field_service_record"].model, Period.parse(text)
        query = sa.select(record.satisfaction_level).where(
            record.satisfaction_level.is_not(None), record.state != "void", record.serviced_on >= span.day(1),
            record.serviced_on < span.following().day(1))
        if self.subject == "customer":
            query = query.where(record.customer_id == self.customer_id)
        if self.subject == "dealer":
            order = self.types["work_order"].model
            query = query.join(order, order.id == record.work_order_id).where(order.dealer_id == self.dealer_id)
        points = [Decimal(act.parameter(f"five_level_{level}")) for level in act.session.scalars(query)]
        return rounded(sum(points, Decimal(0)) / len(points), 4) if points else None

    def _rank(self, act):
        same = {name: getattr(self, self.spec.fields[name].column) for name in ("subject", "period")}
        if self.subject == "customer":
            same["satisfaction_survey_plan_id"] = self.satisfaction_survey_plan_id
        others = [row.score for row in act.find("satisfaction_score", **same)
                  if row is not self and row.state != "void" and row.score is not None]
        return None if self.score is None else 1 + sum(score > self.score for score in others)

    def check(self, act):
        if sum(getattr(self, name) or Decimal(0) for name in WEIGHTS) != 1:
            yield "survey_weight", Text("三项权重之和须为 1（100%）", "The three weights must sum to 1 (100 %)")
        for name in SUBJECTS.get(self.subject, ()):
            if getattr(self, self.spec.fields[name].column) is None:
                yield name, Text("请填写“{it}”", "Fill in “{it}”").with_(it=self.spec.fields[name].label)
        about = ("subject", "satisfaction_survey_plan", "customer", "dealer", "period")
        columns = [self.spec.fields[name].column for name in about]
        same = act.find("satisfaction_score", **{name: getattr(self, name) for name in columns})
        if self.state != "void" and any(row is not self and row.state != "void" for row in same):
            yield "subject", Text("该对象已有评分表，请重新计算那一张", "There is a sheet of this already: recompute that one")

    spec = RecordType(
        code="SSC", zh="顾客满意度评分(评价表)", en="Satisfaction score sheet", source="000 §5.2.4.2, §6",
        series=Series("SSC-{yyyy}{mm}-{n:04}"), compiled=True,
        list=("number", "subject", "satisfaction_survey_plan", "customer", "dealer", "period", "score",
              "satisfaction_rate", "state"),
        search=("number", "other_situation"),
        filters=("state", "subject", "satisfaction_survey_plan", "dealer", "period"),
        retention_years=3,
        workflow=Workflow(
            states(("computed", "已计算"), ("confirmed", "已确认"), ("void", "作废")),
            moves=(
                Move("recompute", "重新计算", source=("computed",), to="computed",
                    by=(SYSTEM, "quality_engineer", "quality_manager")),
                Move("confirm", "确认", source=("computed",), to="confirmed", by=("quality_manager",),
                    requires=("items",), stamps=("confirmed_at",), when=(ROUND_IS_OVER,)),
                Move("void", "作废", source=("computed", "confirmed"), to="void", by=("quality_manager", SYSTEM),
                    comment=True),
            ),
        ),
        access={
            "customer_service": "V", "quality_engineer": "EVX", "quality_manager": "AVX",
            "management_representative": "V", "general_manager": "V", "deputy_gm": "V",
        },
        rules=(
            "recomputed whenever a questionnaire of the subject changes, until confirmed; frozen "
            "afterwards",
            "survey_weight + product_quality_weight + service_record_weight = 1 (100 %)",
            "only scored (valid) questionnaires count; items without answers are left out and the "
            "weights renormalised",
            "worked example: item points 316, 262, 226, 284, 292 of 320 with weights .4 .2 .2 .1 .1 "
            "give 88.00 (not 88.02: no rounding of contributions)",
            "worked example: ten forms, three-level scale, items 76 86 56 78 82 with weights .4 .3 .1 "
            ".1 .1 give 77.80",
            "subject round needs satisfaction_survey_plan; customer needs customer; dealer needs dealer "
            "and period",
            "one sheet per subject and round, or per dealer and period",
        ),
    )
