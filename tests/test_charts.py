"""Charts: each figure where it belongs, to be read by everybody, under the strictest policy; declared, or not there."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from models.base import Record
from models.spec import Chart, ChartKind, Text, WrongDeclaration
from rules import charts, registry
from tests import on_paper, reading, valid
from tests.casebook import Casebook
from tests.browser_of_a_person import Person
from tests.valid import desk

pytestmark = pytest.mark.once
SVG = "{http://www.w3.org/2000/svg}"
SHEET, SUMMARY, REPORT = "dealer_grade_sheet", "quality_info_summary", "satisfaction_report"


def picture(*rows, series=("起数",), **more):
    points = tuple(charts.Point(label, values, tuple("" if v is None else f"{v:g}" for v in values), **options)
                   for label, values, options in rows)
    return charts.Picture("故障类别", series, points, **more)


PARETO = picture(("发动机", (4,), {"share": 0.4, "is_marked": True}), ("制动", (2,), {"share": 0.6, "is_marked": True}),
                 ("电气", (2,), {"share": 0.8, "is_marked": True}), ("车身", (1,), {"share": 0.9}), ("其他", (1,), {"share": 1.0}))


def drawn(kind, what):
    return ElementTree.fromstring(charts.DRAWN[kind](what))


def texts(svg):
    return [text.text or "" if len(text) == 0 else "".join(text.itertext()) for text in svg.iter(f"{SVG}text")]


# Pictures ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("kind", charts.DRAWN)
def test_a_chart_is_read_out_and_needs_nothing_that_the_policy_forbids(kind):
    svg = drawn(kind, PARETO)
    title, told = (svg.find(f"{SVG}{name}") for name in ("title", "desc"))
    assert svg.get("role") == "img" and svg.get("aria-labelledby") == f"{title.get('id')} {told.get('id')}"
    assert title.text == "故障类别" and all(f"{label}: {n}" in told.text for label, n in (("发动机", 4), ("车身", 1)))
    for element in svg.iter():
        assert element.tag.removeprefix(SVG) in {
            "svg", "title", "desc", "rect", "line", "text", "polyline", "circle"}
        assert not {name for name in element.attrib if name == "style" or name.startswith("on") or "href" in name}
        colour = element.get("fill", "none")
        assert colour in (*charts.COLOURS, "none", "currentColor"), colour


@pytest.mark.parametrize("kind", charts.DRAWN)
def test_what_is_typed_is_no_markup_and_nothing_lies_outside_the_picture(kind):
    nasty = "</text><script>alert(1)</script>&\x00\x0b名称很长很长很长很长很长很长很长很长"
    rows = [(f"{n}{nasty}", (n * 1000.0,), {"share": n / 30}) for n in range(1, 31)]
    svg = drawn(kind, picture(*rows))
    assert not list(svg.iter(f"{SVG}script")) and "alert" in "".join(svg.itertext())
    _, _, width, height = map(float, svg.get("viewBox").split())
    for rect in svg.iter(f"{SVG}rect"):
        x, y, w, h = (float(rect.get(name)) for name in ("x", "y", "width", "height"))
        assert 0 <= x <= x + w <= width and 0 <= y <= y + h <= height


@pytest.mark.parametrize("kind", charts.DRAWN)
def test_nothing_zero_and_missing_values_are_drawn_without_complaint(kind):
    for rows in ([], [("a", (0,), {})], [("a", (None,), {}), ("b", (3,), {}), ("c", (None,), {})], [("a", (0.00001,), {})]):
        drawn(kind, picture(*rows))


def test_a_pareto_has_the_running_share_and_the_mark_at_80_percent():
    svg = drawn("pareto", PARETO)
    assert {"80%", "100%", "4", "2", "1", "发动机"} <= set(texts(svg))
    dashed, = [line for line in svg.iter(f"{SVG}line") if line.get("stroke-dasharray")]
    dots = [(float(dot.get("cx")), float(dot.get("cy"))) for dot in svg.iter(f"{SVG}circle")]
    assert len(dots) == 5 and dots == sorted(dots) and [y for _, y in dots] == sorted((y for _, y in dots), reverse=True)
    assert dots[2][1] == float(dashed.get("y1")), "the third brings it to 80 % exactly"
    high = [float(bar.get("height")) for bar in svg.iter(f"{SVG}rect")]
    assert high[0] == pytest.approx(2 * high[1]) and high[1] == high[2] == pytest.approx(2 * high[3])


@pytest.mark.parametrize("kind", ["pareto", "trend"])
def test_names_that_would_be_cut_alike_lean_and_stay_whole(kind):
    batches = [(f"B2607{n:02}", (n,), {"share": n / 20}) for n in range(1, 21)]
    crowded, few = drawn(kind, picture(*batches)), drawn(kind, picture(*batches[:4]))
    assert {label for label, _, _ in batches} <= set(texts(crowded))
    leaning = [text for text in crowded.iter(f"{SVG}text") if "rotate(-45)" in text.get("transform", "")]
    assert len(leaning) == 20 and not [text for text in few.iter(f"{SVG}text") if text.get("transform")]
    assert float(crowded.get("viewBox").split()[3]) > float(few.get("viewBox").split()[3])


def test_a_line_is_interrupted_where_a_month_is_missing():
    svg = drawn("trend", picture(*((f"2026-0{n}", (v,), {}) for n, v in enumerate((80, 82, None, 90, 85), 1)), series=("成绩",)))
    assert len(list(svg.iter(f"{SVG}polyline"))) == 2 and len(list(svg.iter(f"{SVG}circle"))) == 4


def test_the_parts_of_a_bar_stand_behind_each_other():
    svg = drawn("stacked", picture(("报表", (5, 5), {}), ("培训", (2, 3), {}), series=("得分", "扣分")))
    bars = [(float(r.get("x")), float(r.get("width"))) for r in svg.iter(f"{SVG}rect")][2:]   # after the legend
    assert bars[0][0] + bars[0][1] == pytest.approx(bars[1][0], abs=0.2) and bars[0][1] == pytest.approx(2.5 * bars[2][1], rel=0.01)
    assert {"得分", "扣分"} <= set(texts(svg))


def test_equals_share_a_place_and_whom_it_is_about_is_among_the_shown():
    placed = charts.placed(picture(("甲", (9,), {}), ("乙", (7,), {}), ("丙", (9,), {}), ("丁", (None,), {})).points)
    assert [point.label for point in placed] == ["1. 甲", "1. 丙", "3. 乙", "4. 丁"]
    many = charts.placed(charts.Point(f"D{n}", (n,), (str(n),), is_marked=n == 1) for n in range(1, 61))
    title, shown = charts.cut("排名", many, "zh")
    assert len(shown) == 30 and shown[-1].label == "60. D1" and "共 60 项" in title


# On the page of a record --------------------------------------------------------------------------------------------

def figure(section, key, caption, **more):
    return {"section": section, "key": key, "caption": caption, "is_applicable": "true", **more}


def test_a_summary_draws_its_pareto_and_its_rates_for_readers_of_both_languages(app):
    rows = [figure("by_fault_category", key, caption, case_count=str(n), cumulative_rate=share, is_focus="true")
            for key, caption, n, share in (("engine", "发动机", 6, "0.6"), ("brakes", "制动", 4, "1"))]
    rows += [figure("reply_on_time", "", "答复及时率", rate="0.9"), figure("reply_on_time", "x", "别的", rate="0.123")]
    with desk(app) as session:
        id_ = valid.record(session, SUMMARY, figures=rows).id
    for language, title, series, engine, focus in (
            ("zh", "故障类别帕累托图", "答复及时率", "发动机", "重点（累计到 80% 为止）"),
            ("en", "Fault categories (Pareto)", "Replies on time", "Engine", "In focus: what adds up to 80%")):
        page = Person(app, "quality_manager", language).get(f"/admin/{SUMMARY}/details/?id={id_}")
        assert not reading.faults_of(page.text)
        found = {svg.find(f"{SVG}title").text: svg for svg in map(
            ElementTree.fromstring, re.findall(r'<svg xmlns[^>]*class="figures".*?</svg>', page.text, re.S))}
        assert {engine, "6", "80%", focus} <= set(texts(found[title]))
        assert f"{engine}: 6 (60%) [{focus}]" in found[title].find(f"{SVG}desc").text
        assert page.text.count(engine) > 2, "the table of the figures says it in the same words"
        rates = next(svg for svg in found.values() if series in texts(svg))
        assert "90.00%" in texts(rates) and "12.30%" not in texts(rates), "only the whole month"
        assert len({svg.find(f"{SVG}title").get("id") for svg in found.values()}) == len(found)


def test_a_dealer_sees_the_own_months_and_nobody_elses_place(app):
    with desk(app) as session:
        for n, (month, score) in enumerate((("2026-07", "81"), ("2026-08", "77.5"), ("2026-09", "92"))):
            for place, points in ((valid.HERE, score), (valid.THERE, "66.25")):
                row = valid.record(session, SHEET, place=place, sheet_kind="monthly", period=month, quarter=None)
                session.execute(row.__table__.update().where(row.__table__.c.id == row.id).values(score=points))
                if place == valid.HERE and n == 2:
                    id_ = row.id
    book = Casebook(app)
    office, dealer = (book.person(name).get(f"/admin/{SHEET}/details/?id={id_}").text
                      for name in ("customer_service", "dealer_f001"))
    for page in (office, dealer):
        assert "历月成绩" in page and "77.5" in page and "2026-07: 81" in page
    assert "本月服务商排名" in office and "66.25" in office and ">1. " in office
    assert "本月服务商排名" not in dealer and "66.25" not in dealer
    earlier = book.person("customer_service").get(f"/admin/{SHEET}/details/?id={id_ - 4}").text
    table = re.search(r'历月成绩</h2>.*?<details class="as-table">(.*?)</details>', office, re.S)[1]
    assert [reading.squeezed(cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", table)] == [
        "考核月份", "考评成绩", "2026-07", "81", "2026-08", "77.5", "2026-09", "92"]
    ranked = re.search(r'本月服务商排名</h2>.*?<details class="as-table">(.*?)</details>', office, re.S)[1]
    assert ranked.count("✓") == 1 and "本单" in ranked
    assert "历月成绩" not in earlier, "what came later is not drawn in an earlier sheet"


def test_charts_are_printed_too(app):
    rows = [figure("by_fault_category", "engine", "发动机", case_count="6", cumulative_rate="1", is_focus="true")]
    with desk(app) as session:
        id_ = valid.record(session, SUMMARY, figures=rows).id
        bare = valid.record(session, SUMMARY).id
    manager = Person(app, "quality_manager")
    assert "故障类别帕累托图" in on_paper.whole(on_paper.printed(manager, SUMMARY, id_))
    assert "帕累托图" not in on_paper.whole(on_paper.printed(manager, SUMMARY, bare)), "nothing was counted"


# Declarations -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("change", "sentence"), [
    ({"lines": "nowhere"}, "unknown child table 'nowhere'"), ({"of": ("nothing",)}, "unknown field 'nothing'"),
    ({"of": ("dealer",)}, "'dealer', which is no number"), ({"same": ("nobody",)}, "unknown field 'nobody'")])
def test_a_chart_of_what_is_not_there_stops_the_start(change, sentence):
    spec = Record.types[SHEET]
    chart = replace(Chart(ChartKind.TREND, Text("趋势", "Trend"), of=("score",), by="period"), **change)
    with pytest.raises(WrongDeclaration, match=sentence):
        registry.check(replace(spec, charts=(chart,)))


def test_no_chart_shows_a_private_field():
    spec = next(spec for spec in Record.types.values() if any(f.private and f.kind == "money" for f in spec.fields.values()))
    field = next(f for f in spec.fields.values() if f.private and f.kind == "money")
    chart = Chart(ChartKind.BARS, Text("图", "Chart"), of=(field.name,), by=field.name)
    with pytest.raises(WrongDeclaration, match="private"):
        registry.check(replace(spec, charts=(chart,)))
