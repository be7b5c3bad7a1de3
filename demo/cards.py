"""Information flow cards and urgent parts orders of the demo company."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from demo import people
from demo.actions import Actions
from demo.faults import FAULTS, NOT_TO_BLAME
from demo.story import Clock, Rec, Story

PARTS = (
    ("3501-ZD220-08", "前制动摩擦片", "CJ1040", "套", "168.00"), ("1000-473Q-15", "机油泵总成", "CJ6480", "件", "326.00"),
    ("1700-T520-22", "同步器总成", "CJ1070", "套", "540.00"), ("3400-ZX110-03", "助力泵油管接头", "CJ1040", "件", "42.50"),
    ("8100-6480-11", "压缩机继电器", "CJ6500E", "只", "28.00"), ("1100-485Z-06", "喷油器", "CJ1070", "支", "415.00"),
    ("6100-1040-02", "左门锁总成", "CJ1040", "件", "133.00"), ("2900-1070-09", "钢板弹簧U形螺栓", "CJ1070", "根", "19.80"),
)
SHORTAGES = (
    "在修车辆等件，站内无库存，用户急用。", "本月计划外故障集中，库存已用完。", "总成更换需要，常备库未配此件。",
    "三包车辆等件已两天，请加急发运。",
)


# Flow cards -------------------------------------------------------------------------------------------------------

def card(clock: Clock, moment: datetime, batches: list[Rec], actions: Actions) -> Story:
    """A returned product leads to a corrective action; what was seen or heard may end with a reason."""
    dice = clock.dice
    source = clock.pick({"return": 3, "site_visit": 6, "phone": 3})
    known = actions.about(moment, moment - timedelta(days=40)) if source == "return" else []
    action = dice.choice(known) if known else None
    made = [batch for batch in batches if batch["created_at"] < moment]
    batch = action["product_batch"] if action else dice.choice(made or batches[:1])
    fitting = [f for f in FAULTS if f.product == batch["_product"]]
    fault = dice.choice([f for f in fitting if action and f.category == action["fault_category"]] or fitting)
    customer = dice.choice([line["customer"] for line in batch["deliveries"]])
    count = dice.choice((20, 40, 60))
    story = Story(
        moment, "technician2" if source == "site_visit" else "sales2", "draft", source=source, customer=customer,
        contact_person=customer["contact_person"], phone=customer["phone"], product_batch=batch, quantity=count,
        defect_quantity=dice.randint(0 if source == "site_visit" else 1, 4), fault_category=fault.category,
        quality_info=f"{fault.text}，顾客要求分析原因。", handler="technician2" if source == "site_visit" else "sales2")
    _card_goes_on(clock, story, fault, batch, source, action)
    return story


def _card_goes_on(clock: Clock, story: Story, fault: Any, batch: Rec, source: str, action: Rec | None) -> None:
    sent = clock.soon(story.record["created_at"], 20, 90)
    if clock.dice.random() < 0.04:
        story.then(sent, "void")
        return
    if source != "return":
        story.then(sent, "at_info_center")
        sent = clock.soon(sent, 15, 60)
    unit = batch["production_unit"]
    story.then(sent, "sent_to_qa", sent_to_qa_at=sent, receipts=[{"unit": unit, "sent_at": sent}])
    received = clock.soon(sent, 10, 45)
    story.then(received, "analysing", qa_received_at=received)
    chance = clock.dice.random()
    replied = sent + timedelta(hours=24) if chance < 0.05 else clock.soon(received, 60, 300)
    if chance > 0.93:
        replied = sent + timedelta(hours=24, minutes=clock.dice.choice((1, 55, 170)))
    signed = {"unit": unit, "sent_at": sent, "signed_by": people.of_unit(unit), "signed_at": clock.soon(received),
              "opinion": "已组织分析，按质量部意见执行。"}
    story.then(replied, "replied", replied_at=replied, responsible_unit=unit, cause=f"{fault.cause}。",
               is_staff_dispatched=chance < 0.3, dispatched_staff="technician3" if chance < 0.3 else None,
               reply_text=f"经分析为{fault.cause}，处理意见：{fault.measure}。", receipts=[signed])
    closed = clock.later(replied, 3, 12)
    ending = {"corrective_action": action} if action else {"no_action_reason": clock.dice.choice(NOT_TO_BLAME)}
    if action is not None:
        closed = max(closed, clock.soon(action["created_at"]))
    if source != "return" or action:
        story.then(closed, "closed", action_taken=f"{fault.measure}。", completed_on=closed.date(), closed_at=closed,
                   result_text="顾客确认处理结果。", **ending)


# Urgent orders ----------------------------------------------------------------------------------------------------

def order(clock: Clock, moment: datetime, dealers: list[Rec]) -> Story:
    dice = clock.dice
    dealer = dice.choice([row for row in dealers if row["state"] in ("active", "rectifying")])
    needed = clock.later(moment, 2, 4)
    story = Story(
        moment, f"dealer_{dealer['dealer_code'].lower()}", "draft", dealer=dealer, shortage_reason=dice.choice(SHORTAGES),
        needed_at=needed, contact_person=dealer["contact_person"], phone=dealer["phone"], address=dealer["address"],
        parts=[{"line_no": place, "part_no": part[0], "part_name": part[1], "model": part[2], "unit_of_measure": part[3],
                "quantity": dice.choice((1, 2, 4)), "unit_price": part[4]}
               for place, part in enumerate(dice.sample(PARTS, dice.randint(1, 3)), 1)])
    submitted = clock.soon(moment, 10, 40)
    if dice.random() < 0.04:
        return story.then(submitted, "cancelled", remark="已从邻近网点调剂，取消")
    story.then(submitted, "submitted", submitted_at=submitted)
    if dice.random() < 0.05:
        return story.then(clock.soon(submitted), "rejected", remark="不属急件，转入月度计划")
    return _order_goes_on(clock, story, submitted, needed)


def _order_goes_on(clock: Clock, story: Story, submitted: datetime, needed: datetime) -> Story:
    accepted, chance = clock.soon(submitted, 15, 90), clock.dice.random()
    story.then(accepted, "accepted", accepted_at=accepted, freight_payer=clock.pick({"company": 3, "dealer": 1}),
               transport_mode=clock.pick({"express": 5, "road": 2, "air": 1}))
    shipped = clock.soon(accepted, 60, 300)
    if chance < 0.04:
        shipped = submitted + timedelta(hours=24)
    elif chance < 0.16:
        missing = clock.soon(accepted)
        story.then(missing, "backordered", promised_at=clock.later(needed, 2, 4))
        shipped = clock.later(missing, 2, 4)
    story.then(shipped, "shipped", shipped_at=shipped)
    received = clock.later(shipped, 1, 3)
    return story.then(received, "received", received_at=received)


def name_jobs(orders: list[Rec], files: list[Rec]) -> None:
    """Each order is for a repair of its dealer that was in hand, the last one that came in before."""
    for order in orders:
        mine = [file for file in files if file["dealer"] is order["dealer"] and file["state"] != "cancelled"]
        file = next((file for file in reversed(mine) if file["created_at"] <= order["created_at"]), mine[0])
        order |= {"customer_repair_file": file, "work_order": file["work_order"], "vehicle": file["vehicle"]}


def of_months(clock: Clock, per_month: int) -> list[datetime]:
    return [moment for first, last in clock.months() for moment in clock.moments(first, last, per_month)]
