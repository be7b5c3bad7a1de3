"""The tracking cards on which the demo company's dealers note what users complain of."""

from __future__ import annotations

from datetime import datetime, timedelta

from demo import people
from demo.faults import FAULTS, NOT_TO_BLAME, Fault
from demo.outlets import Month, goes_well
from demo.story import Clock, Rec, Story, tell
from rules import office

CARDS = 3   # a month of a dealer
GRIEVANCES = (
    "同一故障修理两次仍未排除，要求给出明确说法。", "预约后等待半天才接车，没有人说明原因。", "配件等了一周没有到货，影响营运。",
    "对维修费用有疑问，要求逐项解释。", "反映新车使用中出现异常，担心安全。", "服务热线多次占线，希望改进。",
)


def cards(clock: Clock, months: list[Month], fleet: list[Rec], states: list[str]) -> list[Rec]:
    stories = []
    for month in months:
        mine = [row for row in fleet if row["state"] == "delivered" and row["dealer"] is month.dealer
                and row["delivered_on"] < month.first]
        stories += [_card(clock, month, moment, clock.dice.choice(mine))
                    for moment in clock.moments(month.first, month.last, CARDS)]
    return tell(sorted(stories, key=lambda story: story.record["created_at"]), clock, states)


REGISTERED = ("received_at", "customer", "contact_person", "phone", "dealer", "vehicle", "fault_category")
# How far customer service is with the row of a card.
HANDLED = {"consulting": "in_progress", "replied": "in_progress", "closed": "closed"}


def register(cards: list[Rec]) -> list[Rec]:
    """The feedback register has a row for every card that was answered or passed on."""
    return [Rec(
        {name: card[name] for name in REGISTERED}, state=HANDLED.get(card["state"], "open"), source="tracking_card",
        created_at=card["forwarded_at"], created_by=card["created_by"], complaint_tracking_card=card, claim_type="none",
        direct_loss=0, feedback_text=card["complaint_content"], handling_text=card.get("handling_text"),
        handler="customer_service" if card["state"] in HANDLED else None, closed_at=card.get("closed_at"))
        for card in cards if card.get("forwarded_at")]


def _card(clock: Clock, month: Month, received: datetime, vehicle: Rec) -> Story:
    dice, customer = clock.dice, vehicle["customer"]
    fault = dice.choice([f for f in FAULTS if f.product == vehicle["_product"]])
    is_complaint = dice.random() < 0.6
    story = Story(
        clock.soon(received, 0, 15), month.owner, "opened", dealer=month.dealer, handler=month.owner, received_at=received,
        feedback_kind="complaint" if is_complaint else "feedback", customer=customer,
        contact_person=customer["contact_person"], phone=customer["phone"], vehicle=vehicle,
        fault_category=fault.category, fault_description=f"{fault.text}。", _fault=fault,
        complaint_content=dice.choice(GRIEVANCES) if is_complaint else f"反映{fault.text}，询问原因。")
    closes = office.add_workdays(received, 5)
    if dice.random() < 0.35:
        return _on_spot(clock, story, month, closes)
    return _passed_on(clock, story, month, fault, closes)


def _closed(clock: Clock, story: Story, month: Month, earliest: datetime, closes: datetime) -> Story:
    """In time if the dealer takes care; else some days after the limit."""
    limit = office.local(closes)
    closed = clock.soon(earliest, 30, 300)
    if not goes_well(clock, month):
        closed = max(closed, clock.later(limit, 1, 4))
    elif closed > limit:
        closed = limit - timedelta(minutes=30)
    return story.then(max(closed, earliest), "closed", closed_at=max(closed, earliest))


def _on_spot(clock: Clock, story: Story, month: Month, closes: datetime) -> Story:
    answered = clock.soon(story.record["created_at"], 10, 30)
    story.record["_on_spot"] = True
    story.then(answered, "answered", replied_at=answered, forwarded_at=answered, is_answered_on_spot=True,
               handling_text=f"当场解答：{clock.dice.choice(NOT_TO_BLAME)}", satisfaction_level="satisfied")
    return _closed(clock, story, month, clock.later(answered, 1, 2), closes)


def _passed_on(clock: Clock, story: Story, month: Month, fault: Fault, closes: datetime) -> Story:
    dice = clock.dice
    forwarded = clock.soon(story.record["created_at"], 10, 60)
    story.then(forwarded, "forwarded", forwarded_at=forwarded, is_answered_on_spot=False)
    received = clock.soon(forwarded, 15, 60)
    asked = {"unit": dice.choice(people.SUBSIDIARIES), "channel": clock.pick({"phone": 4, "intranet": 3, "meeting": 1}),
             "asked_at": received}
    story.then(received, "consulting", cs_received_at=received, consultations=[asked])
    replied = clock.soon(received, 60, 240)
    answered = asked | {"answer_text": f"经查为{fault.cause}，建议{fault.measure}。", "answered_by": people.of_unit(asked["unit"]),
                        "answered_at": replied, "no_action_reason": dice.choice(NOT_TO_BLAME)}
    story.then(replied, "replied", replied_at=replied, consultations=[answered],
               reply_text=f"已答复用户：{fault.measure}，由网点安排处理。", handling_text=f"网点按答复意见{fault.measure}。",
               satisfaction_level=clock.pick({"very_satisfied": 2, "satisfied": 6, "neutral": 1}),
               signed_by=story.record["contact_person"])
    return _closed(clock, story, month, clock.later(replied, 1, 2), closes)
