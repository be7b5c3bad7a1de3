"""The worked example of a satisfaction score, from files to figures: `import --history`, then `report run`."""

from __future__ import annotations

import json

import pytest

from tests import on_paper
from tests.casebook import Casebook, done, refused
from tests.every_door import every_door_says

SCORE, REPORT = "satisfaction_score", "satisfaction_report"
NUMBER = "SVP-2026-Q3-01"
OF_320 = {"quality": ("0.4", 316), "packaging": ("0.2", 262), "price": ("0.2", 226), "service": ("0.1", 284),
          "complaint_handling": ("0.1", 292)}
LEVELS = {"quality": ("0.4", (1, 8, 1)), "delivery": ("0.3", (3, 7, 0)), "price": ("0.1", (0, 6, 4)),
          "packaging": ("0.1", (2, 7, 1)), "service": ("0.1", (4, 5, 1))}


def files(folder, forms, scale, state="closed"):
    """A round, with one form of a customer each: item -> what is entered on its line."""
    customers = [{
        "number": f"CUS-9{n:04}", "state": "active", "name": f"调查顾客{n}", "customer_type": "direct_user",
        "contact_person": "赵某", "phone": "13700003333", "address": "路", "province": "四川省"} for n in range(len(forms))]
    weights = {item: line["weight"] for item, line in forms[0].items()}
    plan = {
        "number": NUMBER, "state": state, "created_at": "2026-07-01T09:00:00", "title": "三季度调查", "quarter": "2026-Q3",
        "scope_kind": "all", "survey_methods": ["form"], "scoring_scale": scale, "starts_on": "2026-07-05",
        "due_on": "2026-09-20", "handler": "quality_engineer", "issued_at": "2026-07-05T09:00:00",
        "items": [{"item": item, "weight": weight, "max_points": 100} for item, weight in weights.items()]}
    rows = [{
        "number": f"CSQ-202607-{n:04}", "state": "scored", "created_at": "2026-07-05T09:00:00",
        "satisfaction_survey_plan": NUMBER, "customer": f"CUS-9{n:04}", "method": "form", "surveyor": "quality_engineer",
        "sent_at": "2026-07-05T10:00:00", "returned_at": "2026-07-20T10:00:00",
        "satisfaction_level": "satisfied" if n % 2 else "very_satisfied",
        "answers": [{"item": item, **line} for item, line in form.items()]} for n, form in enumerate(forms)]
    for name, kept in (("customer", customers), ("satisfaction_survey_plan", [plan]), ("satisfaction_questionnaire", rows)):
        (folder / f"{name}.json").write_text(json.dumps(kept, ensure_ascii=False), encoding="utf-8")


def thirty_two_forms():
    """Ten points at most on each line, so that every item has 320 in all."""
    forms = [{} for _ in range(32)]
    for item, (weight, total) in OF_320.items():
        base, more = divmod(total, 32)
        for n, form in enumerate(forms):
            form[item] = {"weight": weight, "points": str(base + (n < more)), "max_points": "10"}
    return forms


def ten_forms():
    forms = [{} for _ in range(10)]
    for item, (weight, counts) in LEVELS.items():
        levels = [level for level, count in zip(("very_satisfied", "satisfied", "dissatisfied"), counts, strict=True)
                  for _ in range(count)]
        for form, level in zip(forms, levels, strict=True):
            form[item] = {"weight": weight, "satisfaction_level": level, "max_points": "100"}
    return forms


@pytest.fixture
def run(app):
    return lambda *arguments: app.test_cli_runner().invoke(args=list(arguments))


def compiled(run, name, *more):
    answer = run("report", "run", name, "--plan", NUMBER, "--wait", "--json", *more)
    assert answer.exit_code == 0, answer.output
    return json.loads(answer.stdout)["records"]


def loaded(run, folder, forms, scale, **options):
    files(folder, forms, scale, **options)
    answer = run("import", str(folder), "--history")
    assert answer.exit_code == 0, answer.output


@pytest.mark.parametrize(("forms", "scale", "score", "items"), [
    (thirty_two_forms(), "ten_point", "88",
     {"quality": "98.75", "packaging": "81.875", "price": "70.625", "service": "88.75", "complaint_handling": "91.25"}),
    (ten_forms(), "three_level", "77.8", {"quality": "76", "delivery": "86", "price": "56", "packaging": "78", "service": "82"}),
], ids=["88.00-not-88.02", "77.80"])
def test_example_d_from_files_to_the_score(app, run, tmp_path, forms, scale, score, items):
    loaded(run, tmp_path, forms, scale)
    sheet, = compiled(run, SCORE)
    assert sheet["fields"]["score"] == score
    assert {row["item"]: row["item_score"] for row in sheet["lines"]["items"]} == items
    assert [sheet["fields"][name] for name in ("subject", "satisfaction_survey_plan", "valid_count")] == ["round", NUMBER, len(forms)]
    assert sheet["fields"]["satisfaction_rate"] == "1.000000"
    every = [f"CSQ-202607-{n:04}" for n in range(len(forms))]
    assert sheet["behind"]["score"] == sheet["behind"]["items:quality"] == sheet["behind"]["sent_count"] == every
    book = Casebook(app)
    manager, id_ = book.person("quality_manager"), book.ids(SCORE)[0]
    every_door_says(book, "quality_manager", SCORE, id_, score=score, valid_count=str(len(forms)), satisfaction_rate="1.000000")
    found = on_paper.calculated(manager, SCORE, id_)
    assert float(score) in on_paper.figures(found).values() and len(on_paper.rows_of(found["依据"])) >= 2 * len(forms)
    told = [row for table in found.values() for row in table if float(items["quality"]) in row]
    text = on_paper.whole(on_paper.printed(manager, SCORE, id_))
    assert told and score in text and not [value for value in items.values() if value not in text]


@pytest.fixture
def ten(run, tmp_path):
    loaded(run, tmp_path, ten_forms(), "three_level")


def test_compiling_again_writes_the_same_sheet_until_it_is_confirmed(app, run, ten):
    first, = compiled(run, SCORE)
    assert compiled(run, SCORE) == [first]
    book = Casebook(app)
    done(book.person("quality_manager").move(SCORE, book.ids(SCORE)[0], "confirm"))
    answer = run("report", "run", SCORE, "--plan", NUMBER, "--wait")
    assert answer.exit_code == 1 and first["number"] in answer.stderr
    assert run("audit", "verify").exit_code == 0


def test_the_report_stands_on_the_score_and_keeps_what_was_written(app, run, ten):
    draft, = compiled(run, REPORT)
    sheet = draft["fields"]["satisfaction_score"]
    assert [draft["fields"][name] for name in ("score", "quarter", "sent_count", "return_rate")] == ["77.8", "2026-Q3", 10, "1.000000"]
    assert draft["behind"]["score"] == [sheet]
    book = Casebook(app)
    done(book.person("quality_engineer").edit(REPORT, book.ids(REPORT)[0], **{"items-0-comment": "样本少", "conclusion": "尚可"}))
    again, = compiled(run, REPORT)
    assert (again["number"], again["fields"]["conclusion"], again["lines"]["items"][0]["comment"]) == (draft["number"], "尚可", "样本少")
    book.as_it_was(REPORT, book.ids(REPORT)[0], state="submitted")
    assert run("report", "run", REPORT, "--plan", NUMBER, "--wait").exit_code == 1


def test_the_pages_of_score_and_report_lead_to_what_each_figure_counted(app, run, ten):
    compiled(run, REPORT)
    book = Casebook(app)
    engineer = book.person("quality_engineer")
    for name, figures in ((SCORE, {"items:quality": "分项得分 · 产品质量", "valid_count": "有效表数"}),
                          (REPORT, {"sent_count": "发放数", "returned_count": "回收数"})):
        id_ = book.ids(name)[0]
        page = engineer.get(f"/admin/{name}/details/?id={id_}").text
        for figure, caption in figures.items():
            link = f"/admin/satisfaction_questionnaire/?behind={name}:{id_}:{figure.replace(':', '%3A')}"
            assert link in page and caption in page, figure
            assert "CSQ-202607-0009" in engineer.get(link).text
    assert f"/admin/{SCORE}/?behind={REPORT}:{id_}:score" in page


def test_a_round_still_running_has_a_score_but_no_report(app, run, tmp_path):
    loaded(run, tmp_path, ten_forms(), "three_level", state="collecting")
    compiled(run, SCORE)
    book = Casebook(app)
    refused(book.person("quality_manager").move(SCORE, book.ids(SCORE)[0], "confirm"), "调查结束后方可确认评分")
    answer = run("report", "run", REPORT, "--plan", NUMBER, "--wait")
    assert answer.exit_code == 1 and "尚未结束" in answer.stderr
    assert not book.ids(REPORT)


@pytest.mark.parametrize(("arguments", "sentence"), [
    ((SCORE,), "请指定方案编号"), ((SCORE, "--plan", "SVP-2026-Q3-99"), "没有编号为"),
    ((SCORE, "--plan", NUMBER, "--period", "2026-Q4"), "属于 2026-Q3"), ((SCORE, "--dealer", "F001"), "不能指定服务商"),
    (("parts_purchase_list", "--period", "2026-10", "--plan", NUMBER), "不能指定方案")])
def test_what_is_asked_for_wrongly_is_refused(run, ten, arguments, sentence):
    answer = run("report", "run", *arguments)
    assert answer.exit_code == 2 and sentence in answer.stderr


def test_quality_asks_on_the_reports_page_and_others_only_look(app, run, ten):
    book = Casebook(app)
    assert 'name="plan"' in book.person("quality_engineer").get("/admin/reports/").text
    done(book.person("quality_engineer").post(f"/admin/reports/{SCORE}/ask", {"plan": NUMBER}))
    assert book.person("customer_service").post(f"/admin/reports/{SCORE}/ask", {"plan": NUMBER}).status_code == 403
