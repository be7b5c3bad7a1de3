"""The worked example of a month's summary, from files to figures: `import --history`, then `report run --wait --json`."""

from __future__ import annotations

import json

import pytest

from tests import on_paper
from tests.api.program import Program
from tests.casebook import Casebook
from tests.every_door import every_door_says

# number, received, dealer, product, batch, category, province, replied, arrived, loss, closed, callback
CASES = (
    ("0001", "10-02 09:00", "F001", "M1", "B2608", "发动机", "重庆市", "10-02 15:00", "10-03 08:30", "3000", "10-06", "满意"),
    ("0002", "10-03 10:00", "F002", "M1", "B2608", "制动", "四川省", "10-04 10:00", "10-05 10:00", "20000", "10-20", "满意"),
    ("0003", "10-05 08:00", "F001", "M2", "B2607", "电气", "重庆市", "10-06 08:01", "", "0", "10-07", "一般"),
    ("0004", "10-09 14:00", "F003", "M1", "B2608", "发动机", "重庆市", "10-09 16:00", "10-10 14:30", "1500", "10-15", "不满意"),
    ("0005", "10-12 09:00", "F001", "M2", "B2609", "车身", "重庆市", "10-12 10:00", "", "0", "10-13", "很满意"),
    ("0006", "10-15 09:00", "F002", "M1", "B2608", "发动机", "四川省", "10-15 11:00", "10-17 08:00", "8000", "", ""),
    ("0007", "10-18 09:00", "F003", "M2", "B2607", "电气", "重庆市", "10-18 18:00", "", "0", "10-22", "满意"),
    ("0008", "10-21 09:00", "F002", "M1", "B2607", "制动", "四川省", "10-21 09:30", "10-23 11:00", "25000", "", ""),
    ("0009", "10-25 08:00", "F001", "M1", "B2608", "发动机", "重庆市", "10-25 12:00", "10-26 04:00", "2500", "10-28", "满意"),
    ("0010", "10-30 16:00", "F003", "M2", "B2609", "服务态度", "重庆市", "10-31 15:59", "", "0", "", ""),
)


def moment(text):
    return f"2026-{text}:00" if text else None   # without an offset: the office's zone


def sheet(row):
    number, received, dealer, product, batch, category, province, replied, arrived, loss, closed, _ = row
    return {
        "number": f"QI-202610-{number}", "state": "closed" if closed else "on_site" if arrived else "replying",
        "created_at": moment(received), "created_by": "sales", "received_at": moment(received), "intake_unit": "marketing",
        "customer": "客户A", "contact_person": "王某某", "phone": "13800001234", "province": province, "dealer": dealer,
        "product_name": product, "product_batch": batch, "batch_no": batch, "quantity": "1", "fault_category": category,
        "fault_description": "用户反馈", "direct_loss": loss, "replied_at": moment(replied), "arrived_at": moment(arrived),
        "handling_mode": "on_site" if arrived else "phone_or_written",
        "closed_at": moment(f"{closed} 12:00") if closed else None}


def callback(row):
    number, closed, level = row[0], row[10], row[11]
    return {
        "number": f"CBK-202610-{number}", "state": "dissatisfied" if level == "不满意" else "done",
        "created_at": moment(f"{closed} 09:00"), "quality_info_transfer": f"QI-202610-{number}", "customer": "客户A",
        "served_at": moment(f"{closed} 09:00"), "called_at": moment(f"{closed} 10:00"), "satisfaction_level": level}


def last_month(n):
    return {**sheet(CASES[0]), "number": f"QI-202609-{n:04}", "state": "closed", "created_at": f"2026-09-{n:02}T09:00:00",
            "received_at": f"2026-09-{n:02}T09:00:00", "replied_at": None, "arrived_at": None,
            "closed_at": f"2026-09-{n + 5:02}T09:00:00"}


@pytest.fixture
def summary(app, tmp_path):
    files = {"quality_info_transfer": [*map(sheet, CASES), *(last_month(n) for n in range(1, 9))],
             "callback_record": [callback(row) for row in CASES if row[10]]}
    for name, rows in files.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    run = app.test_cli_runner().invoke
    imported = run(args=["import", str(tmp_path), "--history"])
    assert imported.exit_code == 0, imported.output
    answer = run(args=["report", "run", "quality_info_summary", "--period", "2026-10", "--wait", "--json"])
    assert answer.exit_code == 0, answer.output
    told = json.loads(answer.stdout)
    assert told["state"] == "done"
    return told["records"][0]


def figures(summary, section):
    return {line["key"] or "": line for line in summary["lines"]["figures"] if line["section"] == section}


def test_the_head_of_the_sheet(summary):
    fields = summary["fields"]
    assert {name: fields[name] for name in (
        "period", "case_count", "previous_case_count", "change_count", "change_rate", "direct_loss", "major_incident_count",
        "reply_on_time_rate", "arrival_on_time_rate", "closed_rate", "callback_rate", "satisfaction_rate", "open_count",
    )} == {
        "period": "2026-10", "case_count": 10, "previous_case_count": 8, "change_count": 2, "change_rate": "0.250000",
        "direct_loss": "60000.00", "major_incident_count": 2, "reply_on_time_rate": "0.900000",
        "arrival_on_time_rate": "0.666667", "closed_rate": "0.700000", "callback_rate": "1.000000",
        "satisfaction_rate": "0.714286", "open_count": 3}


def test_the_pareto_of_the_fault_categories(summary):
    rows = [(line["caption"], line["case_count"], line["rate"], line["cumulative_rate"], line["is_focus"])
            for line in summary["lines"]["figures"] if line["section"] == "by_fault_category"]
    assert rows == [
        ("发动机", 4, "0.400000", "0.400000", True), ("制动", 2, "0.200000", "0.600000", True),
        ("电气", 2, "0.200000", "0.800000", True), ("车身", 1, "0.100000", "0.900000", False),
        ("服务态度", 1, "0.100000", "1.000000", False)]


@pytest.mark.parametrize(("section", "expected"), [
    ("by_product", {"M1": 6, "M2": 4}), ("by_product_batch", {"B2608": 5, "B2607": 3, "B2609": 2}),
    ("by_dealer", {"F001": 4, "F002": 3, "F003": 3})])
def test_groups(summary, section, expected):
    assert {key: line["case_count"] for key, line in figures(summary, section).items()} == expected


def test_arrivals_in_and_out_of_the_province(summary):
    arrivals = figures(summary, "arrival_on_time")
    counted = {key: (line["numerator"], line["denominator"]) for key, line in arrivals.items()}
    assert counted == {"": ("4", "6"), "in_province": ("2", "3"), "out_of_province": ("2", "3")}


def test_losses_by_category(summary):
    losses = figures(summary, "loss_by_fault_category")
    assert [(key, line["direct_loss"], line["rate"]) for key, line in losses.items()] == [
        ("brakes", "45000.00", "0.750000"), ("engine", "15000.00", "0.250000")]


def test_levels_of_satisfaction(summary):
    levels = {key: line["case_count"] for key, line in figures(summary, "satisfaction_level").items()}
    assert levels == {"very_satisfied": 1, "satisfied": 4, "neutral": 1, "dissatisfied": 1}


def test_what_is_open_and_for_how_long(summary):
    ages = {case["quality_info_transfer"]: case["open_days"] for case in summary["lines"]["cases"] if case["is_open_at_month_end"]}
    assert ages == {"QI-202610-0006": 16, "QI-202610-0008": 10, "QI-202610-0010": 1}


def test_a_recurrence(summary):
    assert [(line["fault_category"], line["case_count"]) for line in summary["lines"]["recurrences"]] == [("engine", 4)]


def test_every_figure_names_the_records_behind_it(summary):
    behind = summary["behind"]
    late = set(behind["reply_on_time/denominator"]) - set(behind["reply_on_time"])
    assert late == {"QI-202610-0003"}
    assert behind["major_incident"] == ["QI-202610-0002", "QI-202610-0008"] == behind["major_incident_count"]
    assert set(behind["arrival_on_time/denominator"]) - set(behind["arrival_on_time"]) == {"QI-202610-0004", "QI-202610-0008"}
    assert len(behind["total"]) == 10 and len(behind["case_count"]) == 10
    assert behind["by_dealer:F001"] == ["QI-202610-0001", "QI-202610-0003", "QI-202610-0005", "QI-202610-0009"]


def test_page_paper_and_workbook_say_the_same(app, summary):
    book = Casebook(app)
    manager, id_ = book.person("quality_manager"), book.ids("quality_info_summary")[0]
    every_door_says(
        book, "quality_manager", "quality_info_summary", id_, case_count="10", previous_case_count="8", change_count="2",
        change_rate="0.250000", direct_loss="60000.00", major_incident_count="2", reply_on_time_rate="0.900000",
        arrival_on_time_rate="0.666667", closed_rate="0.700000", callback_rate="1.000000", satisfaction_rate="0.714286", open_count="3")
    told = Program(app, "quality_manager").get(f"/items/quality_info_summary/{id_}?fields=*,figures.*").json["data"]["figures"]
    names = ("section", "key", "case_count", "direct_loss", "numerator", "denominator", "rate", "cumulative_rate", "is_focus")
    assert [[row[name] for name in names] for row in told] == [[row[name] for name in names] for row in summary["lines"]["figures"]]
    found = on_paper.calculated(manager, "quality_info_summary", id_)
    head = on_paper.figures(found)
    assert [head[label] for label in ("质量信息起数", "上月起数", "环比增减", "环比", "直接质量损失合计", "较大以上质量事故起数",
                                      "答复及时率", "到场及时率", "结案率", "回访率", "用户满意率", "未结起数")] == [
        10, 8, 2, 0.25, 60000, 2, 0.9, 0.666667, 0.7, 1, 0.714286, 3]
    rows = [row for row in on_paper.rows_of(found["统计数字"]) if row["项目"] == "按故障类别"]
    assert [(row["名称"], row["起数"], row["比率"], row["累计比率"], row["重点"]) for row in rows] == [
        ("发动机", 4, 0.4, 0.4, "是"), ("制动", 2, 0.2, 0.6, "是"), ("电气", 2, 0.2, 0.8, "是"),
        ("车身", 1, 0.1, 0.9, "否"), ("服务态度", 1, 0.1, 1, "否")]
    counted = [row["单号"] for row in on_paper.rows_of(found["依据"]) if row["指标"] == "by_dealer:F001"]
    assert counted == summary["behind"]["by_dealer:F001"]
    text = on_paper.whole(on_paper.printed(manager, "quality_info_summary", id_))
    page = manager.get(f"/admin/quality_info_summary/details/?id={id_}").text
    for told in ("25.00%", "60,000.00元", "90.00%", "66.67%", "70.00%", "100.00%", "71.43%"):
        assert told in text and told.replace("元", " 元") in page, told
    pareto = (("发动机", 4, 40, 40), ("制动", 2, 20, 60), ("电气", 2, 20, 80), ("车身", 1, 10, 90))
    for rank, (caption, count, rate, cumulative) in enumerate(pareto, 1):
        assert f"{caption}{rank}{count}" in text, caption
        assert f"{rate}.00%{cumulative}.00%" in text, caption
    assert "故障类别帕累托图" in text and "故障类别帕累托图" in page
