"""What the demo company makes of all it hears: scores, reports, analyses, meetings and the management review."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from demo import people
from demo.grading import POINTS
from demo.ladder import NOW, ago, at, climbed, improvement, on, several
from demo.people import DEALER_CODES, SUBSIDIARIES
from demo.story import OFFICE, Clock, Rec
from demo.surveys import ITEMS
from demo.terms import Found
from models.base import rounded
from models.choices import FAULT_CATEGORIES, SURVEY_ITEMS

LABELS = {value: label.zh for value, label in SURVEY_ITEMS}
FAULTS = {value: label.zh for value, label in FAULT_CATEGORIES}
WEAK = ("dissatisfied", "very_dissatisfied")
FIXES = {"quality": ("SUB-CQ", "关键工序防错不足", "对反映集中的故障逐项立项整改", "每月复盘用户反馈"),
         "delivery": ("SUB-SC", "备件安全库存过低", "重新测算安全库存并设预警", "每月滚动更新"),
         "service": ("SUB-HB", "网点人员培训不到位", "开展服务礼仪和技能复训", "纳入网点考核"),
         "price": ("SUB-CQ", "收费项目解释不清", "上门前先发收费标准并逐项说明", "抽查收费告知单")}
TALKS = (
    ("三季度质量工作会议", "quality_meeting", "公司一号会议室"), ("重点用户座谈会（川渝片区）", "user_symposium", "成都服务中心"),
    ("主机厂来访质量交流", "customer_visit", "技术中心"), ("冬季服务保障座谈会", "user_symposium", "重庆渝北服务站"),
)
IDEAS = (
    ("competitor_product", "竞品甲", "轻型载货汽车", "quality", "竞品新上市轻卡全系标配驻车空调。", "我方仅高配有。",
     "建议中配增加选装包。"),
    ("gap", "竞品乙", "多用途乘用车", "service", "竞品质保五年十万公里。", "我方三年六万公里，用户多次提及。", "研究延保产品。"),
    ("suggestion", None, "变速器总成", "packaging", "用户建议改用可回收箱。", None, "可回收箱每年可省包装费约八万元。"),
    ("competitor_product", "竞品丙", "制动器总成", "price", "竞品近期降价5%。", "价格差距扩大。", "测算降本空间。"),
    ("suggestion", None, "轻型载货汽车", "function", "用户希望增加远程油耗查询。", None, "接入车队管理平台。"),
    ("gap", "竞品甲", "发动机总成", "delivery", "竞品配件次日达。", "我方平均三天。", "在武汉设前置仓。"),
)


def add(clock: Clock, found: Found) -> None:
    scores(clock, found)
    reports(clock, found)
    quarters(clock, found)
    inspections(clock, found)
    analyses(clock, found)
    meetings(clock, found)
    ideas(clock, found)
    penalties(clock, found)


# Scores -----------------------------------------------------------------------------------------------------------

def figures(forms: list[Rec]) -> dict[str, Any]:
    """What the sheet of a round counts, each figure rounded once."""
    valid = [form for form in forms if form["state"] == "scored"]
    lines, exact = [], []
    for item, _, weight in ITEMS:
        got = [POINTS[line["satisfaction_level"]] for form in valid for line in form["answers"]
               if line["item"] == item and "satisfaction_level" in line]
        if got:
            score = Fraction(sum(got), len(got))
            exact.append((score, Fraction(weight)))
            lines.append({"item": item, "weight": weight, "answered_count": len(got), "points": sum(got), "max_points": 100 * len(got),
                          "item_score": _kept(score, 4), "weighted_score": _kept(score * Fraction(weight), 4)})
    total = sum((weight for _, weight in exact), Fraction(0))
    score = sum((score * weight for score, weight in exact), Fraction(0)) / total if total else Fraction(0)
    pleased = sum(form["satisfaction_level"] in ("very_satisfied", "satisfied") for form in valid)
    return {"sent_count": sum("sent_at" in form for form in forms), "returned_count": sum("returned_at" in form for form in forms),
            "valid_count": len(valid), "survey_score": _kept(score, 4), "score": _kept(score, 2), "rank": 1, "items": lines,
            "satisfaction_rate": str(rounded(Decimal(pleased) / len(valid), 6)) if valid else None}


def _kept(exact: Fraction, places: int) -> str:
    return str(rounded(Decimal(exact.numerator) / exact.denominator, places))


def scores(clock: Clock, found: Found) -> None:
    """One for every round that is over; some of dealers and of single customers."""
    standard = next(row for row in found["controlled_document"] if row["document_no"] == "WI-QC-006" and row["state"] == "effective")
    forms: dict[int, list[Rec]] = {}
    for form in found["satisfaction_questionnaire"]:
        if form["state"] != "void":
            forms.setdefault(id(form["satisfaction_survey_plan"]), []).append(form)
    rows = []
    over = [plan for plan in found["satisfaction_survey_plan"] if plan["state"] == "closed"]
    for n, plan in enumerate(over):
        state = "computed" if n >= len(over) - 2 else "confirmed"
        row = Rec(state=state, created_at=plan["closed_at"] + timedelta(minutes=2), created_by="quality_engineer", department="QA",
                  subject="round",
                  satisfaction_survey_plan=plan, scoring_standard=standard, **figures(forms[id(plan)]))
        if state == "confirmed":
            row["confirmed_at"] = clock.later(row["created_at"], 0.6, 1)
        rows.append(row)
    rows += _of_others(found, over, forms, standard)
    rows.append(Rec(rows[1], state="void", created_at=rows[1]["created_at"] - timedelta(minutes=1)))
    rows[-1].pop("confirmed_at", None)
    found["satisfaction_score"] = sorted(rows, key=lambda row: row["created_at"])


def _of_others(found: Found, over: list[Rec], forms: dict[int, list[Rec]], standard: Rec) -> list[Rec]:
    last, rows = over[-3], []
    for form in [form for form in forms[id(last)] if form["state"] == "scored"][:2]:
        rows.append(Rec(state="computed", created_at=last["closed_at"] + timedelta(minutes=4), created_by="quality_engineer",
                        department="QA", subject="customer",
                        satisfaction_survey_plan=last, customer=form["customer"], scoring_standard=standard, **figures([form])))
    period = f"{last['issued_at']:%Y-%m}"
    for dealer in [row for row in found["dealer_ledger"] if row["dealer_code"] in ("F001", "F002")]:
        rows.append(Rec(state="computed", created_at=last["closed_at"] + timedelta(minutes=6), created_by="quality_engineer",
                        department="QA", subject="dealer",
                        dealer=dealer, period=period, scoring_standard=standard))
    return rows


# Reports ------------------------------------------------------------------------------------------------------------

def reports(clock: Clock, found: Found) -> None:
    """A report on every confirmed score; what displeased is improved and goes before the management."""
    confirmed = [row for row in found["satisfaction_score"] if row["state"] == "confirmed" and row["subject"] == "round"]
    ends = ["in_management_review", "improving", "with_gm", "submitted", "draft"]
    targets = ["closed"] * (len(confirmed) - len(ends)) + ends
    rows: list[Rec] = []
    previous: Rec | None = None
    for score, target in zip(confirmed, targets, strict=True):
        rows.append(_report(clock, found, score, previous, target))
        previous = score
    _review(clock, found, rows)
    void = Rec(rows[0], state="void", created_at=rows[0]["created_at"] - timedelta(minutes=5), management_review_input=None,
               improvements=[])
    for name in ("submitted_at", "gm_received_at", "tracking_reported_at", "closed_at"):
        void.pop(name, None)
    found["satisfaction_report"] = sorted([*rows, void], key=lambda row: row["created_at"])


def _report(clock: Clock, found: Found, score: Rec, previous: Rec | None, target: str) -> Rec:
    plan = score["satisfaction_survey_plan"]
    begun = clock.later(score["confirmed_at"], 1, 2)
    before = {line["item"]: line["item_score"] for line in previous["items"]} if previous else {}
    forms = [form for form in found["satisfaction_questionnaire"] if form["satisfaction_survey_plan"] is plan
             and form["state"] == "scored"]
    weak = {line["item"] for form in forms for line in form["answers"] if line.get("satisfaction_level") in WEAK}
    items = [{"item": line["item"], "item_score": line["item_score"], "previous_item_score": before.get(line["item"]),
              "comment": "样本轮换，属正常波动，继续观察。" if line["item"] in before else None} for line in score["items"]]
    improved = [{"aspect": f"{LABELS[item]}：个别用户不满意", "kind": "dissatisfied", "measure": f"{FIXES[item][2]}。",
                 "responsible_unit": FIXES[item][0],
                 "due_on": (begun + timedelta(days=30)).date(), "_item": item} for item in sorted(weak) if item in FIXES]
    rungs: list[tuple[str, Any]] = [
        ("submitted", {"_pace": (0, 0)}), ("with_gm", {"submitted_at": NOW, "_pace": (0, 1)}),
        ("improving", {"gm_received_at": NOW, "gm_opinion": "请责任部门按期整改，质量部跟踪。", "_pace": (0, 2)}),
        ("in_management_review", {"_pace": (4, 9)}),
        ("closed", {"tracking_summary": "各项措施已落实，下期复查。", "tracking_reported_at": NOW, "closed_at": NOW, "_pace": (5, 10)})]
    row = climbed(
        clock, "quality_engineer", begun, "draft", rungs, target, department="QA", title=f"{plan['title']}分析报告",
        satisfaction_survey_plan=plan,
        satisfaction_score=score, product_quality_situation="总体稳定，反映集中在制动和电气。",
        service_record_situation="服务记录满意率与调查一致。",
        most_dissatisfied_aspect="、".join(LABELS[item] for item in sorted(weak)) or "无", competitor_gap="用户认为同行配件到货更快。",
        conclusion=f"本期得分{score['score']}，与上期基本持平。", items=items, improvements=improved)
    if row["state"] in ("improving", "in_management_review", "closed"):
        for line in row["improvements"]:
            line["corrective_action"] = improvement(clock, "satisfaction_report", row, row["gm_received_at"] + timedelta(minutes=5),
                                                    line["responsible_unit"],
                                                    (line["aspect"], *FIXES[line["_item"]][1:]))
            found["corrective_action"].append(line["corrective_action"])
    if row["state"] == "closed":
        for line in row["improvements"]:
            line["tracking_result"] = "已按措施执行，用户回访认可。"
    return row


def _review(clock: Clock, found: Found, rows: list[Rec]) -> None:
    """The reviews of the year before and of this one, and what is being collected for the next."""
    presented = [row for row in rows if row["state"] in ("in_management_review", "closed")]
    year, cases = clock.today.year, []
    half = max(1, len(presented) - 3)
    for n, inputs in enumerate((presented[:half], presented[half:half + 1], presented[half + 1:half + 2], presented[half + 2:], ())):
        for report in inputs:
            report["management_review_input"] = n
        cases.append(_inputs(clock, year - (n == 0), n, list(inputs)))
    targets = ("closed", "reviewed", "submitted", "collecting", "void")
    made = []
    for n, (case, target) in enumerate(zip(cases, targets, strict=True)):
        moment = ago(clock, (230, 50, 14, 8, 100)[n])
        rungs: list[tuple[str, Any]] = [
            ("submitted", {"submitted_at": NOW}),
            ("reviewed", {"reviewed_at": NOW, "review_on": NOW, "conclusion": "质量管理体系运行有效，服务响应须继续提高。",
                          "_pace": (4, 8)}),
            ("closed", {"closed_at": NOW, "_pace": (60, 64)})]
        if target == "void":
            rungs = [("void", {})]
        row = climbed(clock, "quality_engineer", moment, "collecting", rungs, target, department="QA", **case)
        if "review_on" in row:
            row["review_on"] = row["reviewed_at"].date()
            row["decisions"] = [_decision(clock, found, row)]
        made.append(row)
    for report in rows:
        report["management_review_input"] = made[report["management_review_input"]] if "management_review_input" in report else None
    found["management_review_input"] = sorted(made, key=lambda row: row["created_at"])


def _inputs(clock: Clock, year: int, n: int, presented: list[Rec]) -> dict[str, Any]:
    inputs: list[dict[str, Any]] = [{"kind": "satisfaction_report", "satisfaction_report": report, "summary": report["conclusion"]}
                                    for report in presented]
    inputs += [{"kind": "complaints", "summary": "投诉按期结案率与重复投诉情况。"},
               {"kind": "service_performance", "summary": "到场及时率、一次修复率和回访满意率。"}]
    return {"title": f"{year}年度{('年终', '上半年', '三季度', '年度', '专题')[n]}管理评审", "year": year,
            "participants": "总经理、管理者代表、各部门负责人", "inputs": inputs}


def _decision(clock: Clock, found: Found, row: Rec) -> dict[str, Any]:
    action = improvement(clock, "management_review_input", row, row["reviewed_at"] + timedelta(hours=1), "SUB-CQ",
                         ("备件到货周期偏长，用户多次反映。", "备件计划与实际消耗脱节", "重建备件预测模型", "按月复核预测偏差"))
    found["corrective_action"].append(action)
    return {"decision": "三季度内将配件平均到货周期缩短至两天。", "responsible_unit": "SUB-CQ",
            "due_on": (row["reviewed_at"] + timedelta(days=60)).date(),
            "corrective_action": action, "completed_on": row["closed_at"].date() if "closed_at" in row else None}


# Quarters -----------------------------------------------------------------------------------------------------------

def quarters(clock: Clock, found: Found) -> None:
    """What salespeople and outlets say about a quarter."""
    texts = ("配件到货偏慢", "维修报价用户有疑问", "夜间救援等待时间长")
    done: list[Rec] = []
    summaries: list[Rec] = []
    spans = _quarters(clock)
    for place, (quarter, ended) in enumerate(spans):
        left = len(spans) - 1 - place
        for n, person in enumerate(("sales", "sales2", "sales_lead")):
            target = "closed" if left > 1 else ("measures_set", "submitted", "draft")[n] if left == 0 else ("closed", "measures_set",
                "submitted")[n]
            done.append(_analysis(clock, found, quarter, ended + timedelta(days=2 + 2 * n), person, target, texts[(place + n) % 3]))
        for n, code in enumerate(DEALER_CODES[:6]):
            target = "reviewed" if left else ("draft", "submitted", "reviewed", "submitted", "reviewed", "cancelled")[n]
            dealer = next(row for row in found["dealer_ledger"] if row["dealer_code"] == code)
            summaries.append(_summary(clock, found, quarter, ended + timedelta(days=3 + n % 4), dealer, target))
    void = Rec(done[0], state="void", created_at=done[0]["created_at"] - timedelta(minutes=9), problems=[], remark="季度填错，作废")
    for name in ("submitted_at", "measures_set_at", "closed_at"):
        void.pop(name, None)
    found["quarterly_service_analysis"] = sorted([*done, void], key=lambda row: row["created_at"])
    found["outlet_quarterly_summary"] = sorted(summaries, key=lambda row: row["created_at"])


def _quarters(clock: Clock) -> list[tuple[str, date]]:
    """The quarters that are over, with the first day after them."""
    found, day = [], clock.first
    while day < clock.today - timedelta(days=12):
        if day.month % 3 == 1 and day > clock.first - timedelta(days=1):
            before = day - timedelta(days=1)
            found.append((f"{before.year}-Q{(before.month + 2) // 3}", day))
        day = (day + timedelta(days=32)).replace(day=1)
    return found


def _moment(clock: Clock, day: date) -> datetime:
    while day.weekday() >= 5:
        day += timedelta(days=1)
    return min(clock.at(day, 9, 12), ago(clock, 2))


def _analysis(clock: Clock, found: Found, quarter: str, day: date, person: str, target: str, problem: str) -> Rec:
    customer = clock.dice.choice([row for row in found["customer"] if row["state"] == "active"])
    line: dict[str, Any] = {"problem": f"{problem}，{customer['name']}两次提出。", "customer": customer,
                            "due_on": day + timedelta(days=40)}
    free = person == "sales_lead" and target == "closed"
    measured = [line | {"measure": "列入部门专项，按月跟踪。", "responsible_unit": "SUB-CQ"}]
    rungs: list[tuple[str, Any]] = [("submitted", {"submitted_at": NOW, "_pace": (0, 0)}),
                                    ("measures_set", {"problems": measured, "measures_set_at": NOW, "_pace": (1, 3)}),
                                    ("closed", {"closed_at": NOW, "_pace": (65, 70)})]
    if free:
        rungs = [rungs[0], ("closed", {"closed_at": NOW, "_pace": (2, 4)})]
    row = climbed(clock, person, _moment(clock, day), "draft", rungs, target, department="MKT", quarter=quarter, salesperson=person,
                  region={"sales": "川渝", "sales2": "云贵", "sales_lead": "两湖"}[person],
                  service_situation="本季走访客户八家，服务总体平稳，重点客户关系稳定。",
                  typical_cases="协助两家物流公司办理集中保养。", is_problem_free=free, suggestion="建议增加夜间值守网点。", problems=[]
                  if free else [line])
    if row["state"] in ("measures_set", "closed") and row["problems"]:
        action = improvement(clock, "quarterly_service_analysis", row, row["measures_set_at"], "SUB-CQ",
                             (line["problem"], "流程没有专人跟进", "设专人每周跟踪", "列入部门例会检查"), customer=customer)
        found["corrective_action"].append(action)
        row["problems"][0]["corrective_action"] = action
        if action["state"] != "closed" and row["state"] == "closed":
            row["state"] = "measures_set"
            del row["closed_at"]
        elif row["state"] == "closed":
            row["closed_at"] = max(row["closed_at"], action["closed_at"] + timedelta(hours=2))
    return row


def _summary(clock: Clock, found: Found, quarter: str, day: date, dealer: Rec, target: str) -> Rec:
    code = dealer["dealer_code"].lower()
    owner = f"dealer_{code}"
    rungs: list[tuple[str, Any]] = [("submitted", {"submitted_at": NOW, "signed_by": owner, "signed_at": NOW, "_pace": (0, 1)}),
                                    ("reviewed", {"review_opinion": "情况属实，建议已转相关部门。", "reviewed_at": NOW, "_pace": (1, 4)})]
    if target == "cancelled":
        rungs = [("cancelled", {})]
    row = climbed(
        clock, owner, _moment(clock, day), "draft", rungs, target, dealer=dealer, technician=owner, quarter=quarter,
        service_content=f"本季完成维修{clock.dice.randint(28, 40)}台次，保养和首保{clock.dice.randint(6, 14)}台次。",
        receivable_text="应收维修款按期回收，无逾期。",
        problems="部分配件到货周期长，影响交车。", suggestion="增加常用件前置库存。",
        receivable_amount=f"{clock.dice.randint(10, 90) * 100}.00",
        repair_count=clock.dice.randint(28, 40), revisit_count=clock.dice.randint(10, 25))
    if row["state"] == "reviewed" and code == "f003":
        row["corrective_action"] = improvement(clock, "outlet_quarterly_summary", row, row["reviewed_at"] + timedelta(hours=1), "SUB-SC",
                                               ("网点反映配件到货周期长。", "常用件清单未更新", "更新常用件清单并补库", "每季复核清单"))
        found["corrective_action"].append(row["corrective_action"])
    return row


# Subsidiaries -------------------------------------------------------------------------------------------------------

CHECKS = (("质量信息答复及时率", 30), ("现场处置规范", 25), ("纠正措施按期完成", 25), ("资料归档", 10), ("服务纪律", 10))


def inspections(clock: Clock, found: Found) -> None:
    """The subsidiaries' service is looked at in turn; who lost points puts it right."""
    ends = ["issued", "scored", "planned"]
    targets = ["closed", "closed", "cancelled", *["closed"] * 5, "rectifying", *ends]
    rows = []
    for n, target in enumerate(targets):
        unit = SUBSIDIARIES[n % 3]
        moment = ago(clock, 380 - 40 * n if n < 8 else 30 - 7 * (n - 8))
        rows.append(_assessment(clock, found, n, unit, moment, target))
    found["subsidiary_service_assessment"] = sorted(rows, key=lambda row: row["created_at"])


def _assessment(clock: Clock, found: Found, n: int, unit: str, moment: datetime, target: str) -> Rec:
    violation = _violation(clock, found, unit, moment) if n in (3, 8) else None
    lost = 3 if n % 3 else 0
    items: list[dict[str, Any]] = [
        {"line_no": k, "item": item, "weight": weight, "deduction": lost if k == 3 else 0, "finding": "两项措施超期三天完成。" if lost
         and k == 3 else "符合要求。"}
        for k, (item, weight) in enumerate(CHECKS, 1)]
    if violation:
        items[4] |= {"deduction": 2, "finding": violation["description"], "conduct_violation": violation}
    rungs: list[tuple[str, Any]] = [
        ("scored", {"items": items, "assessed_on": NOW, "conclusion": "总体良好，个别措施超期。" if lost else "符合要求。"}),
        ("issued", {"issued_at": NOW, "_pace": (0, 1)}),
        ("rectifying", {"signed_by": people.of_unit(unit, lead=True), "signed_at": NOW, "_pace": (0, 2)}),
        ("closed", {"rectification_text": "已补做并归档，责任人已谈话。", "rectified_at": NOW, "_pace": (12, 20)})]
    if target == "cancelled":
        rungs = [("cancelled", {})]
    row = climbed(
        clock, "quality_engineer", moment, "planned", rungs, target, department="QA", responsible_unit=unit, period=f"{moment:%Y-%m}",
        assessor="quality_engineer",
        scope_text="售后服务管理办法执行情况", needs_rectification=bool(lost), rectify_due_on=(moment + timedelta(days=30)).date() if lost
        else None, items=[])
    if "assessed_on" in row:
        row["assessed_on"] = row["assessed_on"].date()
    if lost and "issued_at" in row:
        row["corrective_action"] = improvement(clock, "subsidiary_service_assessment", row, row["issued_at"], unit,
                                               ("两项措施超期完成。", "措施无专人跟踪", "指定专人跟踪并每周通报", "列入单位月度考核"))
        found["corrective_action"].append(row["corrective_action"])
        if target == "closed":
            row["rectified_at"] = max(row["rectified_at"], row["corrective_action"].get("closed_at", row["rectified_at"]))
    return row


def _violation(clock: Clock, found: Found, unit: str, moment: datetime) -> Rec:
    """Somebody of the company's own staff broke a rule at a user's."""
    card = next(row for row in found["staff_qualification"] if row["person"] == "technician2")
    row = Rec(
        state="handled", created_at=moment + timedelta(minutes=10), created_by="customer_service2", department="CS",
        violation_type="appearance", responsible_unit=unit,
        staff_member=card, occurred_at=moment - timedelta(hours=20), description="上门未穿工装，用语随意。", source_type="inspection",
        is_veto=False, reporter_name="用户",
        reporter_phone="13800000000", verified_at=moment + timedelta(minutes=40), verification_text="当事人承认。",
        handled_at=moment + timedelta(days=3),
        handling_result="批评教育，扣当月绩效。")
    if row["handled_at"] > clock.end:
        row["state"] = "verified"
        del row["handled_at"], row["handling_result"]
    found["conduct_violation"].append(row)
    found["conduct_violation"].sort(key=lambda row: row["created_at"])
    return row


# The month's analysis -----------------------------------------------------------------------------------------------

def analyses(clock: Clock, found: Found) -> None:
    """Customer service looks at what the dealers reported; one for every month but the last."""
    months = [first for first, _ in clock.months()][:-1]
    rows: list[Rec] = []
    before: dict[str, int] = {}
    for place, first in enumerate(months):
        left = len(months) - 1 - place
        rows.append(_month(clock, found, first, before, {0: "compiled", 1: "issued"}.get(left, "acknowledged")))
        before[f"{first:%Y-%m}"] = sum(line["is_counted"] for line in rows[-1]["sources"])
    void = Rec(rows[1], state="void", created_at=rows[1]["created_at"] - timedelta(minutes=20), receipts=[])
    for name in ("issued_at", "acknowledged_at"):
        void.pop(name, None)
    found["monthly_quality_analysis"] = sorted([*rows, void], key=lambda row: row["created_at"])


def _month(clock: Clock, found: Found, first: date, before: dict[str, int], target: str) -> Rec:
    period, following = f"{first:%Y-%m}", (first + timedelta(days=32)).replace(day=1)
    compiled = min(datetime.combine(following + timedelta(days=5), time(0, 30), OFFICE), clock.end - timedelta(hours=2))
    cards = [row for row in found["complaint_tracking_card"] if f"{row['received_at']:%Y-%m}" == period and row["state"] != "void"]
    sheets = [row for row in found["warranty_appraisal"] if f"{row['received_at']:%Y-%m}" == period
              and row["state"] not in ("void", "draft", "rejected")]
    sources = [{"source_type": name, "source_number": row, "dealer": row["dealer"], "fault_category": row["fault_category"],
                "quantity": 1, "is_counted": True}
               for name, kind in (("complaint_tracking_card", cards), ("warranty_appraisal", sheets)) for row in kind]
    counted = Counter(line["fault_category"] for line in sources)
    previous = before.get(f"{first - timedelta(days=1):%Y-%m}")
    top = counted.most_common(1)[0][0]
    focus = {"item": f"{FAULTS[top]}类故障", "direction": "联合责任单位专题分析", "responsible_unit": "SUB-CQ",
             "promised_on": following + timedelta(days=25),
             "is_from_last_month": False, "progress": "已立项"}
    signed = [{"recipient": user, "acknowledged_at": NOW, "remark": "已阅。"} for user in ("quality_manager", "unit_lead", "deputy_gm")]
    texts = {"analysis_text": f"本月共{len(sources)}起，{FAULTS[top]}类最多（{counted[top]}起），与上月比较趋势平稳。",
             "improvement_focus": f"重点关注{FAULTS[top]}类故障。",
             "improvement_direction": "从供应商来料和装配防错两方面改进。", "recipients": ["executives", "quality", "production"],
             "focus_items": [focus]}
    rungs: list[tuple[str, Any]] = [("issued", {**texts, "issued_at": NOW, "_pace": (0, 1)}),
                                    ("acknowledged", {"receipts": signed, "acknowledged_at": NOW, "_pace": (1, 2)})]
    row = climbed(
        clock, "customer_service", compiled, "compiled", rungs, target, department="CS", period=period, data_as_of=compiled,
        previous_case_count=previous,
        vehicles_in_use=sum(row["state"] == "delivered" and row["delivered_on"] < following for row in found["vehicle"]), sources=sources,
        figures=_figures(counted, len(sources), previous), open_items=_open(cards, compiled, following),
        late_dealers=_late(found, period, following))
    if row["state"] == "acknowledged":
        row["focus_items"][0]["corrective_action"] = improvement(clock, "monthly_quality_analysis", row,
            row["issued_at"] + timedelta(hours=2), "SUB-CQ",
                                                 (f"{FAULTS[top]}类故障占比最高。", "来料一致性不足", "供应商专项审核并加严检验",
                                                  "按月跟踪占比"), fault_category=top)
        found["corrective_action"].append(row["focus_items"][0]["corrective_action"])
    return row


def _figures(counted: Counter[str], total: int, previous: int | None) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [{"section": "total", "caption": "总起数", "case_count": total}]
    if previous:
        rows.append({"section": "month_on_month", "caption": "环比", "case_count": total, "previous_case_count": previous,
                     "rate": str(rounded(Decimal(total - previous) / previous, 6))})
    running = 0
    for rank, (category, count) in enumerate(counted.most_common(), 1):
        is_focus = running < total * 0.8
        running += count
        rows.append({"section": "by_fault_category", "key": category, "caption": FAULTS[category], "rank": rank, "case_count": count,
                     "is_focus": is_focus,
                     "rate": str(rounded(Decimal(count) / total, 6)), "cumulative_rate": str(rounded(Decimal(running) / total, 6))})
    return rows


def _open(cards: list[Rec], compiled: datetime, following: date) -> list[dict[str, Any]]:
    ends = datetime.combine(following, time(), OFFICE)
    return [{"source_number": row, "received_at": row["received_at"], "open_days": (ends - row["received_at"]).days,
             "handler": row["handler"]}
            for row in cards if row.get("closed_at", compiled) >= ends and row["received_at"] < ends][:12]


def _late(found: Found, period: str, following: date) -> list[dict[str, Any]]:
    limit = datetime.combine(following + timedelta(days=5), time(), OFFICE)
    return [{"dealer": row["dealer"], "submitted_at": row["submitted_at"]} for row in found["monthly_quality_report"]
            if row["period"] == period and row.get("submitted_at", limit) > limit and row["state"] != "void"]


# Meetings and ideas -------------------------------------------------------------------------------------------------

def meetings(clock: Clock, found: Found) -> None:
    customers = [row for row in found["customer"] if row["state"] == "active" and row["created_at"].date() < clock.first]
    cases: list[dict[str, Any]] = []
    for n in range(9):
        topic, kind, place = TALKS[n % len(TALKS)]
        guests = [customers[(n * 4 + k) % len(customers)] for k in range(2)]
        cases.append({
            "_by": "quality_engineer" if n % 2 else "sales_lead", "department": "QA" if n % 2 else "MKT", "meeting_kind": kind,
            "held_at": at(-0.2), "place": place,
            "chairperson": "quality_manager", "recorder": "quality_engineer", "topic": topic,
            "content": "通报近期质量情况，听取用户意见并现场答复。",
            "resolution": "会后一个月内书面反馈整改情况。", "attendees": [{"customer": row, "person_name": row["contact_person"],
                "job_title": "负责人"} for row in guests],
            "opinions": [{"customer": guests[0], "aspect": ("quality", "delivery", "service")[n % 3],
                          "opinion": "希望缩短配件到货时间，随车资料增加电路图。"}],
            "actions": [{"action": "重新测算常备件安全库存并反馈用户。", "handler": "quality_engineer2", "responsible_unit": "SUB-SC",
                         "due_on": on(30)}]})
    rungs: list[tuple[str, Any]] = [("issued", {"issued_at": NOW, "_pace": (0, 2)}), ("closed", {"closed_at": NOW, "_pace": (66, 72)})]
    rows = several(clock, cases, "draft", rungs, {"void": ("draft", {})})
    for row in rows:
        if "issued_at" in row:
            line = row["actions"][0]
            line["corrective_action"] = improvement(clock, "customer_meeting_minutes", row, row["issued_at"] + timedelta(hours=1),
                                                    "SUB-SC",
                                                    ("用户座谈反映配件到货慢。", "安全库存未随销量调整", "重新测算安全库存",
                                                     "每月滚动更新"))
            found["corrective_action"].append(line["corrective_action"])
        if "closed_at" in row:
            row["actions"][0] |= {"done_on": row["closed_at"].date() - timedelta(days=1), "result_text": "已完成并书面反馈用户。"}
    found["customer_meeting_minutes"] = rows


def ideas(clock: Clock, found: Found) -> None:
    """What competitors do better and users would like: weighed, and taken up or not."""
    origins = {"visit_report": [row for row in found["visit_report"] if row["state"] == "closed"],
               "customer_meeting_minutes": [row for row in found["customer_meeting_minutes"] if row["state"] == "closed"]}
    cases: list[dict[str, Any]] = []
    for n in range(14):
        kind, rival, product, item, content, gap, wish = IDEAS[n % len(IDEAS)]
        name = ("visit_report", "customer_meeting_minutes", "market")[n % 3]
        rows = origins.get(name)
        cases.append({"_by": "sales" if n % 2 else "sales_lead", "department": "MKT", "info_kind": kind, "competitor": rival,
                      "product_name": product, "item": item,
                      "content": content, "gap": gap, "suggestion": wish, "source_type": name, "source_number": rows[n % len(rows)]
                      if rows else None})
    weighed = {"evaluation": "信息属实，对市场有影响，建议立项研究。", "evaluated_at": NOW}
    rungs: list[tuple[str, Any]] = [("evaluated", weighed), ("adopted",
                                                             {"responsible_unit": "SUB-CQ", "decided_at": NOW, "_pace": (2, 5)})]
    rows = several(clock, cases, "submitted", rungs, {"declined": ("evaluated", {"decided_at": NOW}), "void": ("submitted", {})})
    for row in rows:
        if row["state"] == "adopted" and row["info_kind"] == "gap":
            row["corrective_action"] = improvement(clock, "competitor_improvement_info", row, row["decided_at"], "SUB-CQ",
                                                   (row["gap"], "对标工作不经常", "成立对标小组逐项改进", "每季更新对标表"))
            found["corrective_action"].append(row["corrective_action"])
    found["competitor_improvement_info"] = rows


def penalties(clock: Clock, found: Found) -> None:
    """A dealer that has to rectify does so by a corrective action."""
    told = [row for row in found["reward_penalty_notice"] if row["measure_type"] == "rectification" and "issued_at" in row]
    for row in told[:3]:
        row["corrective_action"] = improvement(clock, "reward_penalty_notice", row, row["issued_at"] + timedelta(hours=2), "SUB-CQ",
                                               (row["basis"], "报表和到场管理无人负责", "指定专人并每日点检", "纳入网点月度自查"))
        found["corrective_action"].append(row["corrective_action"])
