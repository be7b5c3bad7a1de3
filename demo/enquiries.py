"""Before and around a sale: fairs, calls, what customers need, deliveries of parts, changed contracts, and memos."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from demo.ladder import NOW, TODAY, ago, at, climbed, on, several
from demo.parts import PARTS
from demo.story import Clock, Rec
from demo.terms import Found

FAIRS = (
    ("重庆国际商用车展览会", "exhibition", "重庆国际博览中心", "重庆市", "CJ1040国六轻卡：载重2.5吨，百公里油耗9.8升。", "48000.00", 620),
    ("成都城配物流车巡展", "exhibition", "成都双流物流港", "四川省", "CJ6480多用途乘用车，七座可折叠。", "22000.00", 240),
    ("《物流时代》春季专版广告", "advertisement", None, None, "CJ1070自卸版上市，质保三年六万公里。", "15000.00", None),
    ("售后服务网点宣传图册印制", "brochure", None, None, "服务网点分布、热线和三包承诺。", "9800.00", None),
    ("贵阳农机汽车下乡展销会", "exhibition", "贵阳会展中心", "贵州省", "变速器总成以旧换新补贴。", "18000.00", 310),
    ("昆明南亚车展", "exhibition", "昆明滇池国际会展中心", "云南省", "CJ6500E高原适应型。", "36000.00", 450),
    ("武汉专用车采购对接会", "exhibition", "武汉国际会展中心", "湖北省", "底盘改装接口与配套政策。", "16000.00", 150),
    ("秋季以旧换新直播", "other", None, None, "老车主置换补贴与赠送首保。", "12000.00", 3800),
    ("冬季关爱巡检宣传", "brochure", None, None, "免费检查冷却液、蓄电池和制动系统。", "6000.00", None),
    ("新能源物流车体验日", "exhibition", "重庆两江新区体验中心", "重庆市", "CJ6500E纯电版试乘试驾。", "20000.00", None),
)
NEEDS = (
    ("城配运输，日均120公里，需厢长4.2米。", "CJ1040", "truck", "轻型载货汽车", "CJ1040厢式车"),
    ("通勤接送员工，要求七座、空调双蒸。", "CJ6480", "van", "多用途乘用车", "CJ6480舒适型"),
    ("山区建材运输，要求动力足、可加强板簧。", "CJ1070", "truck", "轻型载货汽车", "CJ1070加强型"),
    ("冷链配送，要求底盘可装机组并留取力口。", "CJ1070", "truck", "轻型载货汽车", "CJ1070冷藏底盘"),
    ("社区快递接驳，要求电动、充电一小时内。", "CJ6500E", "van", "多用途乘用车", "CJ6500E货运版"),
    ("农机厂配套，需变速器总成分批交付。", "CJT5-20", "gearbox", "变速器总成", "CJT5-20"),
)
CALLS = (
    ("enquiry", ["price", "performance"], "询问CJ1040厢式车价格和油耗。", "已介绍配置和报价，并寄送图册。"),
    ("order", ["delivery"], "催问上月订购车辆的交付时间。", "已告知排产日期，预计下周二发车。"),
    ("technical_help", ["use_and_care"], "尿素液位灯常亮，询问是否可以继续行驶。",
     "请加注合格尿素后行驶十公里，灯灭即可；不灭请到就近网点。"),
    ("enquiry", ["selection"], "山区运输选哪款车型合适。", "建议CJ1070加强型，已安排业务员上门。"),
    ("other", ["materials"], "索取服务商名录。", "已发送电子版名录。"),
    ("enquiry", ["use_and_care"], "首保何时做、要带什么。", "交付后180日或5000公里内，带保修手册和行驶证。"),
)
CHANGES = (
    ("quantity", "订购数量由10辆增至12辆，交期顺延。", "10辆，月底交付", "12辆，分两批交付"),
    ("config", "货箱由栏板改为厢式。", "栏板货箱", "4.2米厢式货箱，加价另计"),
    ("place", "交货地点由重庆改为宜昌。", "重庆自提", "宜昌送达，运费由需方承担"),
    ("colour", "颜色由白色改为银色。", "珍珠白", "银色"),
)


def add(clock: Clock, found: Found) -> None:
    customers = [row for row in found["customer"] if row["state"] == "active" and row["created_at"].date() < clock.first]
    found["promotion_activity"] = fairs(clock)
    found["customer_contact_memo"] = memos(clock, customers, found)
    found["hotline_consultation"] = calls(clock, found, customers)
    found["customer_needs_survey"] = needs(clock, found, customers)
    found["service_parts_delivery"] = deliveries(clock, customers)
    found["contract_change_record"] = changes(clock, found, customers)
    found["hotline_consultation"] = sorted(found["hotline_consultation"], key=lambda row: row["created_at"])


def about(customer: Rec) -> dict[str, Any]:
    return {"customer": customer, "contact_person": customer["contact_person"], "phone": customer["phone"]}


def fairs(clock: Clock) -> list[Rec]:
    cases: list[dict[str, Any]] = []
    for n, (name, kind, place, province, info, budget, people) in enumerate(FAIRS):
        cases.append({"_by": "sales" if n % 2 else "sales2", "department": "MKT", "name": name, "activity_type": kind, "place": place,
                      "province": province, "product_info": info, "budget": budget, "handler": "sales" if n % 2 else "sales2",
                      "is_new_product": n % 3 == 2, "materials": "宣传折页、车型手册", "starts_on": on(12), "ends_on": on(14),
                      "_people": people, "_budget": float(budget)})
    rungs = [("held", {"_pace": (15, 18)}), ("closed", {"_pace": (4, 9),
                                                        "result_summary": "到场客户以物流和个体运输户为主，意向线索已分派业务员跟进。"})]
    rows = several(clock, cases, "planned", rungs, {"cancelled": ("planned", {"remark": "场馆调整，取消"})})
    for row in rows:
        if row["state"] == "held":
            row["starts_on"] = row["ends_on"] = (clock.end - timedelta(days=1)).date()
        if row["state"] in ("held", "closed"):
            row["attendee_count"] = row["_people"]
        if row["state"] == "closed":
            row["actual_cost"] = f"{row['_budget'] * 0.93:.2f}"
        row.pop("remark", None)
    return rows


def memos(clock: Clock, customers: list[Rec], found: Found) -> list[Rec]:
    """Routine contacts with the key customers; those about complaints and claims come with them."""
    informed = [{"person": "quality_engineer"}, {"person": "sales_lead"}]
    signed = [row | {"signed_at": NOW, "remark": "已阅。"} for row in informed]
    batches = [row for row in found["product_batch"] if row["state"] == "active"]
    cases: list[dict[str, Any]] = []
    for n in range(26):
        customer = customers[(n * 5) % len(customers)]
        said = ("产品使用正常，希望增加夜间服务。", "近期订单增加，请保证配件供应。", "对上月处理结果满意。",
                "建议随车资料增加电路图。")[n % 4]
        cases.append({
            "_by": ("sales", "quality_engineer", "sales2")[n % 3], "department": "MKT" if n % 3 != 1 else "QA", **about(customer),
            "contacted_at": NOW, "channel": ("phone", "visit", "phone", "email", "meeting")[n % 5],
            "contact_reason": ("routine", "routine", "feedback", "renotify")[n % 4],
            "handler": ("sales", "quality_engineer", "sales2")[n % 3],
            "product_batch": batches[n % len(batches)] if n % 4 == 2 else None,
            "subject": ("例行联络", "季度沟通", "反馈跟进", "交期变更知会")[n % 4],
            "content": f"与{customer['contact_person']}沟通使用情况：{said}", "product_quality_opinion": None,
            "quality_opinion": "整体稳定。", "delivery_opinion": "基本按期。", "service_opinion": said,
            "service_review": "服务及时，达到要求。", "satisfaction_level": ("satisfied", "very_satisfied", "satisfied",
                "neutral")[n % 4],
            "conclusion": "关系稳定，继续按计划联络。", "follow_up": "下次联系时反馈进展。", "informed": informed})
        cases[-1].pop("product_quality_opinion")
    rungs = [("recorded", {"_pace": (0, 0)}), ("acknowledged", {"informed": signed, "_pace": (1, 2)}), ("archived", {"_pace": (3, 9)})]
    return several(clock, cases, "draft", rungs, {"void": ("draft", {})})


def memo(clock: Clock, found: Found, customer: Rec, moment: Any, reason: str, subject: str, text: str) -> Rec:
    """The contact with which a complaint or claim begins."""
    row = climbed(
        clock, "customer_service", moment, "draft",
        [("recorded", {"_pace": (0, 0)}), ("acknowledged", {"informed": [{"person": "quality_engineer", "signed_at": NOW}], "_pace": (0,
            1)})],
        department="CS", **about(customer), contacted_at=moment, channel="phone", contact_reason=reason, handler="customer_service",
        subject=subject, content=text, service_review="首次联系，已说明处理步骤和时间。", satisfaction_level="neutral",
        follow_up="按承诺时间答复。", informed=[{"person": "quality_engineer"}])
    if row["state"] == "draft":
        row["state"] = "recorded"
    found["customer_contact_memo"].append(row)
    return row


def calls(clock: Clock, found: Found, customers: list[Rec]) -> list[Rec]:
    """Answered at once or passed on; what is more than a question became a record of its own."""
    fairs_ = [row for row in found["promotion_activity"] if row["state"] == "closed"]
    cases: list[dict[str, Any]] = []
    for n in range(36):
        category, topics, text, reply = CALLS[n % len(CALLS)]
        customer = customers[(n * 7 + 2) % len(customers)]
        cases.append({"_by": "customer_service" if n % 2 else "sales", "department": "CS" if n % 2 else "MKT", **about(customer),
                      "channel": ("hotline", "phone", "email", "visit", "fax")[n % 5], "category": category, "topics": topics,
                      "received_at": NOW,
                      "handler": "customer_service" if n % 2 else "sales", "product_name": "轻型载货汽车" if n % 3 else "多用途乘用车",
                      "promotion_activity": fairs_[n % len(fairs_)] if n % 4 == 0 else None, "content": text, "_reply": reply})
    rungs: list[tuple[str, Any]] = [("answered", {"replied_at": NOW, "_pace": (0, 0)}), ("closed", {"closed_at": NOW, "_pace": (1, 2)})]
    rows = several(clock, cases, "open", rungs, {"void": ("open", {})})
    for row in rows:
        activity = row["promotion_activity"]
        if activity and activity["starts_on"] > row["created_at"].date():
            row["promotion_activity"] = None
        if "replied_at" in row:
            row |= {"reply_text": row["_reply"], "is_material_sent": "寄送" in row["_reply"]}
    for n, card in enumerate(found["complaint_tracking_card"][10::60]):
        rows.append(_of_dealer(card, n))
    return [*rows, *_repairs(found)]


def _of_dealer(card: Rec, n: int) -> Rec:
    """A complaint that a dealer took on the telephone stands on its card."""
    return Rec(
        state="transferred", created_at=card["received_at"], created_by=card["created_by"], dealer=card["dealer"],
        customer=card["customer"],
        contact_person=card["contact_person"], phone=card["phone"], channel="phone", category="complaint", topics=["other"],
        received_at=card["received_at"], handler=card["created_by"], content=card["complaint_content"], transferred_to="客户服务部",
        complaint_tracking_card=card)


def _repairs(found: Found) -> list[Rec]:
    """Some who called for a repair asked the hotline first."""
    rows = []
    for n, record in enumerate(found["phone_dispatch_record"][20::60]):
        rows.append(Rec(
            state="closed" if n % 2 else "transferred", created_at=record["received_at"] - timedelta(minutes=6),
            created_by="customer_service",
            department="CS", customer=record["customer"], contact_person=record["contact_person"], phone=record["phone"],
            channel="hotline",
            category="repair", topics=["use_and_care"], received_at=record["received_at"] - timedelta(minutes=6),
            handler="customer_service",
            content=f"报修：{record['fault_description']}", transferred_to="服务调度", phone_dispatch_record=record,
            reply_text="已登记报修，调度将尽快与您约定上门时间。"))
        if n % 2:
            rows[-1] |= {"replied_at": record["received_at"], "closed_at": record["received_at"] + timedelta(hours=1)}
    return rows


def needs(clock: Clock, found: Found, customers: list[Rec]) -> list[Rec]:
    asked = [row for row in found["hotline_consultation"] if row["category"] == "enquiry" and row["state"] == "closed"]
    cases: list[dict[str, Any]] = []
    for n in range(16):
        text, model, _, product, advice = NEEDS[n % len(NEEDS)]
        call = asked[n % len(asked)] if n % 3 == 0 else None
        customer = call["customer"] if call else customers[(n * 3 + 1) % len(customers)]
        cases.append({"_by": "sales" if n % 2 else "sales2", "department": "MKT", **about(customer), "hotline_consultation": call,
                      "survey_method": "phone" if call else ("visit", "exhibition")[n % 2], "surveyed_on": TODAY, "handler": "sales"
                      if n % 2 else "sales2",
                      "consultation": call["content"] if call else "走访时了解购车计划。", "needs": text, "product_name": product,
                      "model": model,
                      "quantity": 2 + n % 9, "technical_requirements": "满足国六排放，质保三年六万公里。",
                      "delivery_requirements": "合同签订后四十天内",
                      "price_requirements": "总价可分期", "competing_products": "同级别竞品两款", "recommended_product": advice,
                      "_age": call["closed_at"] + timedelta(hours=3) if call else None})
    rungs = [("submitted", {}), ("handled", {"handling_result": "已出具推荐方案和报价，客户进入比价阶段。", "handled_at": NOW}),
             ("closed", {"_pace": (6, 20)})]
    for case in cases[-3:]:
        case |= {"_age": None, "hotline_consultation": None}
    return several(clock, cases, "draft", rungs, {"void": ("draft", {})})


def deliveries(clock: Clock, customers: list[Rec]) -> list[Rec]:
    """Parts brought to customers; now and then something was missing."""
    cases: list[dict[str, Any]] = []
    for n in range(18):
        customer, chosen = customers[(n * 4 + 3) % len(customers)], [PARTS[(n * 3 + k) % len(PARTS)] for k in range(2 + n % 2)]
        lines = [{"part_no": part.no, "part_name": part.name, "specification": part.model, "unit_of_measure": part.measure,
                  "quantity": 2 + k} for k, part in enumerate(chosen)]
        cases.append({"_by": "sales" if n % 2 else "sales2", "department": "MKT", **about(customer), "address": customer["address"],
                      "customer_request": "上午送到仓库，附合格证。", "scheduled_at": at(3, 4), "handler": "sales" if n % 2 else "sales2",
                      "driver_name": "配送员小谭", "plate_no": "渝D·8K201", "parts": lines})
    rungs: list[tuple[str, Any]] = [("dispatched", {"dispatched_at": NOW, "_pace": (2, 2)}),
                                    ("delivered", {"delivered_at": NOW, "_pace": (0, 1)}),
                                    ("signed", {"signed_at": NOW, "_pace": (0, 0)})]
    short = {"signed_at": NOW, "shortage_reason": "库存不足，缺一件，下周补送。"}
    rows = several(clock, cases, "planned", rungs, {"cancelled": ("planned", {}), "short": ("delivered", short)})
    for row in rows:
        if "delivered_at" in row:
            row["parts"] = [line | {"delivered_quantity": line["quantity"] - (row["state"] == "short" and not n)}
                            for n, line in enumerate(row["parts"])]
        if "signed_at" in row:
            row["signed_by"] = row["contact_person"]
    return rows


def changes(clock: Clock, found: Found, customers: list[Rec]) -> list[Rec]:
    """Contracts that customers changed, and promises that production could not keep."""
    cases: list[dict[str, Any]] = []
    for n in range(14):
        customer, (_, text, before, after) = customers[(n * 6 + 5) % len(customers)], CHANGES[n % len(CHANGES)]
        case: dict[str, Any] = {
            "_by": "sales" if n % 2 else "sales2", "department": "MKT", "customer": customer,
            "contract_no": f"XS-{clock.first:%Y}-{118 + 7 * n}",
            "product_name": "轻型载货汽车", "quantity": 4 + n, "asked_on": TODAY, "handler": "sales" if n % 2 else "sales2",
            "is_contract_changed": n % 3 != 2, "situation_stage": "production" if n % 3 == 2 else "none",
            "countersigns": [{"responsible_unit": "SUB-CQ"}, {"responsible_unit": "SUB-SC"}]}
        if n % 3 == 2:
            case |= {"special_situation": "外协总成到货推迟，排产顺延五天。", "explanation": "已向顾客说明原因并给出新的交付时间。",
                     "original_promised_at": at(16), "promised_at": at(21)}
        else:
            case |= {"change_content": text, "original_terms": before, "new_terms": after}
        cases.append(case)
    signed = [{"responsible_unit": unit, "opinion": "可以安排。", "signed_by": user, "signed_at": NOW}
              for unit, user in (("SUB-CQ", "unit"), ("SUB-SC", "unit2"))]
    rungs: list[tuple[str, Any]] = [
        ("submitted", {}), ("reviewed", {"countersigns": signed, "review_opinion": "交期和成本可以接受，同意变更。", "reviewed_at": NOW}),
        ("customer_confirmed", {"customer_confirmed_at": NOW}), ("closed", {"closed_at": NOW, "_pace": (3, 6)})]
    rejected = {"countersigns": signed, "remark": None}
    rows = several(clock, cases, "draft", rungs, {"rejected": ("submitted", rejected), "void": ("draft", {})})
    for row in rows:
        row.pop("remark", None)
        if "customer_confirmed_at" in row:
            row["signed_by"] = row["customer"]["contact_person"]
    rows += _asked_by_phone(clock, found, rows)
    return sorted(rows, key=lambda row: row["created_at"])


def _asked_by_phone(clock: Clock, found: Found, rows: list[Rec]) -> list[Rec]:
    """Two changes began with a call; in one of them nothing changed after all."""
    made = []
    for row in [row for row in rows if row["state"] == "closed" and row["is_contract_changed"]][:3]:
        moment = row["created_at"] - timedelta(hours=1)
        call = Rec(state="closed", created_at=moment, created_by="customer_service", department="CS", **about(row["customer"]),
                   channel="phone",
                   category="order_change", topics=["delivery"], received_at=moment, handler="customer_service",
                   order_no=row["contract_no"],
                   content=row["change_content"], transferred_to="营销分公司", reply_text="已转业务员办理合同变更，结果将书面告知。",
                   replied_at=moment + timedelta(minutes=20), contract_change_record=row, closed_at=row["closed_at"])
        row["hotline_consultation"] = call
        found["hotline_consultation"].append(call)
    made.append(climbed(
        clock, "sales", ago(clock, 200), "draft", [("closed", {"closed_at": NOW, "_pace": (0, 1)})], department="MKT",
        customer=rows[0]["customer"], contract_no=f"XS-{clock.first:%Y}-099", product_name="多用途乘用车", quantity=3, asked_on=TODAY,
        handler="sales", is_contract_changed=False, situation_stage="none"))
    return made
