"""The score sheet of GB/T 27922: fifteen indicators in three groups, special items, and the level that comes out."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from models.certification.evaluation_scoresheet import GROUPS
from models.people import Membership, User
from tests import valid
from tests.casebook import Casebook, done, refused, why_not
from tests.every_door import every_door_says

SHEET, PLAN = "evaluation_scoresheet", "evaluation_plan"
# What the standard gives each indicator is the office's to enter; these are made up, and sum to 40, 35 and 25.
POINTS = {"service_system": (6, 6, 6, 6, 6, 5, 5), "product_service": (8, 6, 6, 6, 6, 3), "customer_service": (13, 12)}


@pytest.fixture
def book(app):
    return Casebook(app)


def indicators(got, deleted=(), **changes):
    """Rows for the points that each group reached, taken from its first indicators on."""
    rows = []
    for group, (_, names) in GROUPS.items():
        left = Decimal(sum(POINTS[group])) - sum(
            points for name, points in zip(names, POINTS[group], strict=True) if name in deleted) - Decimal(got[group])
        for name, full in zip(names, POINTS[group], strict=True):
            row = {"indicator_group": group, "indicator": name, "full_points": str(full), "is_deleted": "false"}
            if name in deleted:
                rows.append({**row, "is_deleted": "true", "deletion_reason": "不适用", **changes})
                continue
            lost = min(left, Decimal(full))
            left -= lost
            rows.append({**row, "actual_points": str(full - lost), "evidence": "查记录", **changes})
    return rows


def special(deductions=0, bonuses=0):
    return [{"kind": kind, "description": "事实"} for kind, count in (("deduction", deductions), ("bonus", bonuses))
            for _ in range(count)]


def sheet(book, got, deleted=(), state="open", items=(), **given):
    with valid.desk(book.app) as session:
        return valid.record(session, SHEET, state, indicators=indicators(got, deleted), special_items=list(items), **given).id


def groups(*points):
    return dict(zip(GROUPS, points, strict=True))


def test_example_e_one_deleted_two_deductions_one_bonus(book):
    id_ = sheet(book, groups(36, 29, 23), ("waste_recovery",), items=special(2, 1))
    read = book.read(SHEET, id_)
    assert [getattr(read, f"{group}_points") for group in GROUPS] == [36, 29, 23]
    assert (read.applicable_points, read.base_score) == (97, Decimal("90.7216"))
    assert (read.score, read.level) == (Decimal("89.72"), "three_star")
    every_door_says(book, "evaluator", SHEET, id_, applicable_points="97", base_score="90.7216", score="89.72", level="three_star",
                    special_deduction_count="2", special_bonus_count="1")


@pytest.mark.parametrize(("got", "items", "score", "level"), [
    (groups(40, 35, 24), special(5), "94.00", "failed"), (groups(40, 35, 24), special(4), "95.00", "five_star"),
    (groups(40, 30, 0), (), "70.00", "qualified"), (groups("39.99", 30, 0), (), "69.99", "failed"),
    (groups(40, 35, 20), (), "95.00", "five_star"), (groups(40, 35, "19.99"), (), "94.99", "four_star"),
    (groups(40, 35, 15), (), "90.00", "four_star"), (groups(40, 35, "14.99"), (), "89.99", "three_star"),
    (groups(40, 35, 5), (), "80.00", "three_star"), (groups(40, 35, "4.99"), (), "79.99", "qualified"),
    (groups(40, 30, 9), special(bonuses=2), "80.00", "three_star")])
def test_example_e_bounds_belong_to_the_level_and_five_deductions_fail(book, got, items, score, level):
    read = book.read(SHEET, sheet(book, got, items=items))
    assert (read.score, read.level) == (Decimal(score), level)


@pytest.mark.parametrize("change", [
    {"indicator": "staffing", "full_points": "6.01"}, {"indicator": "repair", "full_points": "5.99"},
    {"indicator": "complaint_handling", "full_points": "11"}])
def test_example_e_scoring_waits_until_the_groups_sum_to_40_35_and_25(book, change):
    rows = [{**row, **change, "actual_points": "0"} if row["indicator"] == change["indicator"] else row
            for row in indicators(groups(40, 35, 25))]
    with valid.desk(book.app) as session:
        id_ = valid.record(session, SHEET, indicators=rows).id
    refused(book.person("evaluator").move(SHEET, id_, "finish_scoring"), "须分别合计为 40、35、25")
    with valid.desk(book.app) as session:
        right = valid.record(session, SHEET, indicators=indicators(groups(40, 35, 25))).id
    done(book.person("evaluator").move(SHEET, right, "finish_scoring"))


@pytest.mark.parametrize("without", ["evidence", "actual_points", "deletion_reason"])
def test_every_indicator_is_scored_with_evidence_or_deleted_with_a_reason(book, act, without):
    rows = indicators(groups(40, 32, 25), ("waste_recovery",))
    place = next(n for n, row in enumerate(rows) if without in row)
    rows[place] = {name: value for name, value in rows[place].items() if name != without}
    wrong = valid.record(act.session, SHEET, indicators=rows)
    assert "十五项指标须齐全" in why_not(act, wrong, "finish_scoring")
    whole = valid.record(act.session, SHEET, indicators=indicators(groups(40, 32, 25), ("waste_recovery",)))
    assert why_not(act, whole, "finish_scoring") == ""


@pytest.mark.parametrize(("row", "change", "sentence"), [
    (1, {"indicator": "organisation_structure"}, "每项指标只能列一次"),
    (1, {"indicator_group": "customer_service"}, "不属于这个一级指标"),
    (0, {"actual_points": "6.01"}, "实得分不能超过分值"), (0, {"is_deleted": "true"}, "删减的指标不计分")])
def test_a_row_that_cannot_be_is_refused(book, row, change, sentence):
    id_ = sheet(book, groups(40, 35, 25))
    changes = {f"indicators-{row}-{name}": value for name, value in change.items()}
    refused(book.person("evaluator").edit(SHEET, id_, **changes), sentence, 422)


def test_an_evaluator_scores_only_the_own_rows_and_the_leader_all(book):
    with book.session() as session:
        other = session.query(User).filter_by(username="technician2").one()
        other.memberships.append(Membership(role="evaluator"))
        session.commit()
    leader, member = str(book.user("evaluator")), str(book.user("technician2"))
    team = [{"evaluator": id_, "team_role": role, "task": "评分"}
            for id_, role in ((leader, "leader"), (member, "member"))]
    with valid.desk(book.app) as session:
        plan = valid.record(session, PLAN, "agreed", team=team)
        rows = indicators(groups(40, 35, 25), evaluator=leader)
        rows[1]["evaluator"] = member
        id_ = valid.record(session, SHEET, evaluation_plan=str(plan.id), indicators=rows, special_items=[]).id
    own, member = member, book.person("technician2")
    refused(member.edit(SHEET, id_, **{"indicators-0-actual_points": "1"}), "由另一评价员评分", 422)
    mine = {"indicators-0-evaluator": own, "indicators-0-actual_points": "1"}
    refused(member.edit(SHEET, id_, **mine), "由另一评价员评分", 422)
    done(member.edit(SHEET, id_, **{"indicators-1-actual_points": "5"}))
    done(book.person("evaluator").edit(SHEET, id_, **{"indicators-1-actual_points": "4"}))
    done(member.move(SHEET, id_, "finish_scoring"))
    refused(member.move(SHEET, id_, "consolidate"), "由评价计划的组长汇总")
    done(book.person("evaluator").move(SHEET, id_, "consolidate"))
    refused(member.edit(SHEET, id_, **{"indicators-1-actual_points": "3"}), "评分已完成", 422)


def test_a_sheet_begins_with_the_fifteen_indicators_and_no_points(book):
    with valid.desk(book.app) as session:
        plan = valid.record(session, PLAN, "agreed").id
    form = book.person("evaluator").form(f"/admin/{SHEET}/new/?from={PLAN}:{plan}")
    named = [form[f"indicators-{n}-indicator"] for n in range(15)]
    assert named == [name for _, names in GROUPS.values() for name in names]
    assert not any(form[f"indicators-{n}-full_points"] for n in range(15))


@pytest.mark.parametrize(("got", "given", "sentence"), [
    (groups(40, 29, 0), {"certificate_no": "C-1"}, "评价不合格，不能授予证书"), (groups(40, 35, 25), {}, "请先填写“证书编号”")])
def test_a_certificate_needs_a_level_and_a_number(book, got, given, sentence):
    id_ = sheet(book, got, state="consolidated", certificate_no=given.get("certificate_no", ""))
    refused(book.person("evaluator").move(SHEET, id_, "conclude", certificate_decision="grant", conclusion="好"), sentence)
    done(book.person("evaluator").move(SHEET, id_, "conclude", certificate_decision="refuse", conclusion="不授予"))
    assert book.read(SHEET, id_).valid_until_on is None


def scored(book, *more):
    answer = book.app.test_cli_runner().invoke(args=["report", "run", "evaluation_score", "--period", "2026", "--wait", "--json", *more])
    return answer, (json.loads(answer.stdout)["records"] or [None])[0]


def test_example_e_as_a_report_with_the_sheet_and_the_nonconformities_behind_it(book):
    """The last evaluation of the year that its leader has consolidated; a veto, where five deductions fail it."""
    sheet(book, groups(40, 35, 25), state="scored", evaluated_on="2026-12-01")          # nobody has consolidated it
    answer, nothing = scored(book)
    assert (answer.exit_code, nothing) == (1, None) and "没有已汇总的评价评分表" in answer.stderr
    for other_year in ("2025-12-31", "2027-01-01"):
        sheet(book, groups(40, 35, 25), state="concluded", evaluated_on=other_year)
    sheet(book, groups(40, 35, 24), state="consolidated", items=special(5), evaluated_on="2026-01-01")
    _, failed = scored(book)
    assert [failed["fields"][name] for name in ("base_score", "score", "level", "is_failed_by_deductions")] == [
        "99", "94", "failed", True]
    with valid.desk(book.app) as session:
        found = [valid.record(session, "nonconformity_report", "issued", severity=severity) for severity in ("minor", "major")]
        plan = found[1].evaluation_plan_id
        items = [{**row, "nonconformity_report": str(one.id)} for row, one in zip(special(2), found, strict=True)]
        id_ = valid.record(session, SHEET, "concluded", evaluation_plan=str(plan), evaluated_on="2026-12-31",
                           indicators=indicators(groups(36, 29, 23), ("waste_recovery",)), special_items=[*items, *special(0, 1)]).id
        numbers = [one.number for one in found]
    answer, last = scored(book)
    fields, behind, number = last["fields"], last["behind"], book.read(SHEET, id_).number
    assert {name: fields[name] for name in (
        "sheet", "evaluation_count", "service_system_points", "product_service_points", "customer_service_points",
        "applicable_points", "base_score", "special_deduction_count", "special_bonus_count", "score", "level", "open_major_count",
        "organisation_structure", "organisation_structure/denominator", "waste_recovery", "waste_recovery/denominator",
    )} == {"sheet": number, "evaluation_count": 2, "service_system_points": "36", "product_service_points": "29",
           "customer_service_points": "23", "applicable_points": "97", "base_score": "90.7216", "special_deduction_count": 2,
           "special_bonus_count": 1, "score": "89.72", "level": "three_star", "open_major_count": 1,
           "organisation_structure": "2", "organisation_structure/denominator": "6", "waste_recovery": None,
           "waste_recovery/denominator": None}
    assert behind["score"] == behind["repair"] == [number] and behind["special_deduction_count"] == sorted(numbers)
    assert behind["open_major_count"] == [numbers[1]] and len(behind["evaluation_count"]) == 2
    evaluator = book.person("evaluator")
    run = json.loads(answer.stdout)["run"]
    page = " ".join(evaluator.get(f"/admin/reports/runs/{run}").text.split())
    link = f"/admin/nonconformity_report/?behind=report_run:{run}:special_deduction_count"
    assert all(shown in page for shown in ("三星级", "89.72", "废弃品回收", link))
    assert all(one in evaluator.get(link).text for one in numbers)
    assert book.person("technician").get(f"/admin/reports/runs/{run}").status_code == 404
