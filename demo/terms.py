"""The controlled documents of the demo company and its warranty terms and prices."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from demo.ladder import NOW, TODAY, climbed, on
from demo.story import Clock, Rec

Found = dict[str, list[Rec]]
# number, name, level, version, pages, of which type it is the form
DOCUMENTS = (
    ("SPS-QM-P-01-04", "售后服务控制程序", "procedure", "A/0", 18, None),
    ("QM-01", "质量手册", "manual", "C/0", 64, None),
    ("QP-M-02", "顾客满意度调查控制程序", "procedure", "A/1", 12, None),
    ("QP07", "合同评审与顾客沟通程序", "procedure", "B/0", 14, None),
    ("QP22", "纠正和预防措施控制程序", "procedure", "B/1", 11, None),
    ("QR-CS-011", "顾客满意度调查表", "record_form", "B/0", 2, "satisfaction_questionnaire"),
    ("WI-QC-006", "满意度评分标准", "work_instruction", "A/2", 5, None),
    ("WI-CS-003", "维修收费标准及报价作业指导书", "work_instruction", "A/3", 22, None),
    ("SM-CJ1040-2025", "CJ1040/CJ1070使用说明书", "external", "2025版", 186, None),
    ("SM-CJ6480-2025", "CJ6480/CJ6500E使用说明书", "external", "2025版", 204, None),
    ("QR-QA-009", "信息流转卡", "record_form", "A/4", 1, "info_flow_card"),
    ("WI-CS-007", "上门服务礼仪作业指导书", "work_instruction", "A/1", 8, None),
    ("QR-CS-018", "现场服务记录", "record_form", "A/2", 2, "field_service_record"),
    ("WI-WH-002", "成车出入库作业指导书", "work_instruction", "A/0", 9, None),
    ("WI-CS-021", "召回服务作业指导书", "work_instruction", "A/0", 7, None),
    ("QP-T-08", "培训控制程序", "procedure", "C/0", 10, None),
    ("QR-QA-001", "产品质量信息传递处置单", "record_form", "B/1", 1, "quality_info_transfer"),
    ("QR-QA-002", "现场检查检测试验记录", "record_form", "A/1", 2, "product_inspection_record"),
    ("QR-QA-003", "产品质量信息处置结果反馈单", "record_form", "B/0", 1, "quality_disposition_feedback"),
    ("QR-QA-004", "质量信息反馈处理汇总表", "record_form", "A/2", 4, "quality_info_summary"),
    ("QR-QA-005", "质量整改令", "record_form", "A/0", 1, "quality_rectification_order"),
    ("QR-QA-006", "纠正和预防措施记录", "record_form", "C/0", 2, "corrective_action"),
    ("QR-CS-001", "客户投诉处理表", "record_form", "B/2", 2, "complaint_case"),
    ("QR-CS-002", "客户投诉信息处理传递跟踪卡", "record_form", "A/1", 1, "complaint_tracking_card"),
    ("QR-CS-003", "用户质量信息月分析报告", "record_form", "A/0", 4, "monthly_quality_analysis"),
    ("QR-CS-004", "服务商分级考核表", "record_form", "B/0", 2, "dealer_grade_sheet"),
    ("QR-CS-005", "派工单(服务处理单)", "record_form", "A/3", 2, "work_order"),
    ("QR-CS-006", "客户维修档案", "record_form", "A/1", 2, "customer_repair_file"),
    ("QR-CS-007", "质量保修鉴定单", "record_form", "B/1", 2, "warranty_appraisal"),
    ("QR-CS-008", "保修结算单", "record_form", "A/0", 1, "warranty_settlement"),
    ("QR-CS-009", "配件采购清单", "record_form", "A/1", 2, "parts_purchase_list"),
    ("QR-CS-010", "配件发运通知单", "record_form", "A/0", 1, "parts_shipping_notice"),
    ("QR-CS-012", "顾客满意度分析(调查)报告", "record_form", "A/1", 3, "satisfaction_report"),
    ("QR-CS-013", "顾客走访报告", "record_form", "A/0", 2, "visit_report"),
    ("QR-EV-001", "评价评分表", "record_form", "A/0", 2, "evaluation_scoresheet"),
)
UNITS = ("QA", "CS", "MKT", "WH")
LINES = (("轻型载货汽车保修与收费标准", "CJ1040、CJ1070、轻型载货汽车"), ("多用途乘用车保修与收费标准", "CJ6480、CJ6500E、多用途乘用车"))
CHARGES = (
    ("GS-01", "检修工时", None, "80.00", None, None), ("GS-02", "四轮定位", "1.0", "120.00", None, None),
    ("GS-03", "变速器总成拆装", "5.5", "80.00", None, None), ("GS-04", "上门出车", None, "120.00", None, None),
    ("BJ-01", "修理包", None, None, "BJ-GEN-01", "400.00"), ("BJ-02", "前摩擦片", None, None, "3501-1040-01", "168.00"),
    ("BJ-03", "机油滤清器", None, None, "1000-6480-02", "28.00"),
)
CARE = (
    ("更换机油和机油滤清器", 1000, 5000), ("检查并紧固底盘螺栓", 1000, 5000), ("检查制动液和制动间隙", 1000, 5000),
    ("检查灯光、仪表和电气系统", 1000, 5000), ("清洁空气滤清器", 4000, 10000),
)


def add(clock: Clock, found: Found) -> None:
    papers = found["controlled_document"] = documents(clock)
    book = {row["document_no"]: row for row in papers if row["state"] == "effective"}
    found["service_price_policy"] = policies(clock, book["WI-CS-003"])
    refer(found, book)


def documents(clock: Clock) -> list[Rec]:
    """The set in force, one edition before it, and what is being written just now."""
    issued = clock.at(clock.first - timedelta(days=150))
    rows = []
    for n, row in enumerate(DOCUMENTS):
        old = issued - timedelta(days=max(60, 300 - 9 * n))
        rows.append(_document(clock, old, row, "effective"))
        if n in (1, 2):
            rows[-1] = _document(clock, old - timedelta(days=400), (*row[:3], "A/0" if n == 2 else "B/0", row[4], row[5]), "obsolete")
            rows.append(_document(clock, issued + timedelta(days=20 * n), row, "effective", replaces=rows[-1]))
    for days, state, place in ((9, "approved", 0), (7, "in_approval", 11), (4, "draft", 7), (60, "void", 13)):
        number, name, level, _, pages, form = DOCUMENTS[place]
        begun = clock.at(clock.end.date() - timedelta(days=days))
        rows.append(_document(clock, begun, (number, name, level, "B/0", pages + 1, form), state))
    return rows


def _document(clock: Clock, created: Any, row: tuple[Any, ...], state: str, **fields: Any) -> Rec:
    number, name, level, version, pages, form = row
    distributions = [{"recipient_unit": unit, "copy_no": f"{n:02}", "received_by": None}
                     for n, unit in enumerate(UNITS, 1)]
    rungs = [
        ("in_approval", {}),
        ("approved", {"reviewed_by": "quality_manager", "approved_by": "management_representative"}),
        ("effective", {"issued_on": TODAY, "effective_on": on(10), "distributions": distributions}),
        ("obsolete", {"obsoleted_on": TODAY, "_pace": (380, 400)})]
    if state == "void":
        rungs = [("void", {})]
    return climbed(
        clock, "quality_engineer", created, "draft", rungs, state, department="QA", document_no=number, document_name=name,
        document_level=level, version=version, page_count=pages, drafted_by="quality_engineer", is_controlled=True,
        change_summary="首次发布。" if version == "A/0" else "按内审意见修订职责和表单编号。", form_of=form, review_due_on=on(365),
        changes=[{"version": version, "changed_on": TODAY, "change_text": "编制", "changed_by": "陈思远"}], **fields)


def policies(clock: Clock, paper: Rec) -> list[Rec]:
    """Two editions of each product line that followed each other, and the next one on its way."""
    old, new = clock.first - timedelta(days=1460), clock.first - timedelta(days=90)
    rows = []
    for n, line in enumerate(LINES):
        rows.append(_policy(clock, old - timedelta(days=25), line, "V1.0", old, paper, "superseded",
                            effective_until_on=new - timedelta(days=1)))
        rows.append(_policy(clock, new - timedelta(days=25 - n), line, "V2.0", new, paper, "effective"))
    next_ = (clock.today.replace(day=1) + timedelta(days=62)).replace(day=1)
    for days, line, version, state in ((14, LINES[1], "V3.0", "approved"), (8, LINES[0], "V3.0", "in_approval"),
                                       (5, ("专用车改装件收费标准（试行）", "专用车"), "V0.1", "draft"),
                                       (70, LINES[0], "V2.1", "void")):
        rows.append(_policy(clock, clock.end.date() - timedelta(days=days), line, version, next_, paper, state))
    return rows


def _policy(clock: Clock, written: date, line: tuple[str, str], version: str, begins: date, paper: Rec, state: str,
            **fields: Any) -> Rec:
    rungs = [("in_approval", {}), ("approved", {"approved_at": NOW})]
    target = state
    if state in ("effective", "superseded"):
        target = "approved"
    if state == "void":
        rungs = [("void", {})]
    row = climbed(
        clock, "customer_service", clock.at(written), "draft", rungs, target, department="CS", name=f"{line[0]} {version}",
        product_line=line[1], version=version, controlled_document=paper, effective_from_on=begins, warranty_months=36,
        warranty_mileage=60000, exchange_months=24, exchange_mileage=50000,
        warranty_conditions="自开票之日起36个月或60000公里（先到为准），按使用说明书使用和保养，属产品质量原因的免费修理。",
        exclusions="易损件超过质量担保期；自行改装、加装；交通事故及不可抗力造成的损坏。",
        first_service_conditions="交付后180日内且行驶不超过5000公里，在任一服务网点免费首保一次。",
        service_promise="省内24小时、省外48小时到场；修复后三日内回访；保修期内不收任何费用。", low_value_ratio="0.6",
        charges=[{"item_code": code, "item_name": name, "labour_hours": hours, "labour_rate": rate, "part_no": no,
                  "part_price": price, "is_warranty_covered": True} for code, name, hours, rate, no, price in CHARGES],
        maintenance_items=[{"item_name": name, "mileage_from": from_, "mileage_until": until, "is_mandatory": n < 4,
                            "acceptance_standard": "按使用说明书保养章节执行"} for n, (name, from_, until) in enumerate(CARE)],
        **fields)
    if target != state:
        row["state"] = state
    return row


def terms_of(found: Found, vehicle: Rec, day: date) -> Rec:
    """The edition that held for a vehicle on a day."""
    return next(row for row in found["service_price_policy"] if row["state"] in ("effective", "superseded")
                and vehicle["model"] in row["product_line"] and row["effective_from_on"] <= day
                and row.get("effective_until_on", day) >= day)


def present_terms(found: Found, model: str = "CJ1040") -> Rec:
    return next(row for row in found["service_price_policy"] if row["state"] == "effective" and model in row["product_line"])


def refer(found: Found, book: dict[str, Rec]) -> None:
    """Who works by a paper names it."""
    for plan in found["satisfaction_survey_plan"]:
        plan["questionnaire_document"] = book["QR-CS-011"]
    for file in found["customer_repair_file"]:
        file["user_manual"] = book["SM-CJ1040-2025" if file["vehicle"]["_product"] == "truck" else "SM-CJ6480-2025"]
    closed = [row for row in found["corrective_action"] if row["state"] == "closed"]
    for row in closed[::3]:
        row["controlled_document"] = book["QP22"]
    for sheet in found["warranty_appraisal"]:
        sheet["service_price_policy"] = terms_of(found, sheet["vehicle"], sheet["vehicle"]["delivered_on"])
