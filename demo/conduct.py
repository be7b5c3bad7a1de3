"""What staff of the demo company and its dealers did that they should not have."""

from __future__ import annotations

from datetime import datetime, timedelta

from demo.outlets import VETOES, Month
from demo.story import Clock, Rec, Story, tell

PLAIN = (
    ("quarrel", "用户反映维修人员因等待时间与其争吵，言语过激。", "当事人书面检讨，服务商组织服务礼仪培训。"),
    ("refused_call", "用户晚间三次拨打服务热线，值班人员拒接。", "扣当班人员当月绩效，热线改为双人值守。"),
    ("appearance", "上门人员未穿工装、未戴鞋套，用语随意。", "现场批评教育，补发工装并抽查一个月。"),
    ("broken_promise", "答应次日送件到场，未到也未说明。", "向用户致歉并免费保养一次，改约须报调度。"),
    ("unfounded_statement", "未拆检即告知用户发动机须大修，后查明为传感器故障。", "暂停该人员独立接车一周，重新培训。"),
)
FEES = "用户投诉保修期内更换配件仍被索取“加急费”三百元，有转账记录。"


def violations(clock: Clock, dealers_months: list[Month], customers: list[Rec], states: list[str]) -> list[Rec]:
    stories, told = [], []
    for month in dealers_months:
        if VETOES.get(month.place) == month.code:
            told.append(_veto(clock, month, customers).told(clock.end))
        elif (month.place * 5 + int(month.code[-1])) % 11 == 0:
            stories.append(_plain(clock, month, customers))
    return [*told, *tell(stories, clock, states, least=1)]


def _begun(clock: Clock, month: Month, customers: list[Rec], moment: datetime, kind: str, text: str) -> Story:
    return Story(
        moment, clock.dice.choice(("customer_service", "customer_service2")), "reported", department="CS",
        violation_type=kind, dealer=month.dealer, customer=clock.dice.choice(customers[:56]),
        occurred_at=moment - timedelta(days=1), description=text, is_veto=kind == "fee",
        source_type=clock.pick({"callback": 3, "complaint": 4, "inspection": 1}),
        reporter_name="车主本人", reporter_phone=f"138{clock.dice.randint(10_000_000, 99_999_999)}")


def _veto(clock: Clock, month: Month, customers: list[Rec]) -> Story:
    """Money taken under warranty, proved within the month."""
    story = _begun(clock, month, customers, clock.at(month.first + timedelta(days=8)), "fee", FEES)
    verified = clock.later(story.record["created_at"], 3, 5)
    story.then(verified, "verified", verified_at=verified, verification_text="转账记录和通话录音属实，当事人承认。")
    handled = clock.later(verified, 4, 8)
    return story.then(handled, "handled", handled_at=handled, handling_result="退还用户费用，通报并罚款，当月考核否决。")


def _plain(clock: Clock, month: Month, customers: list[Rec]) -> Story:
    kind, text, result = clock.dice.choice(PLAIN)
    moment = clock.moments(month.first, month.last, 1)[0]
    story = _begun(clock, month, customers, moment, kind, text)
    verified = clock.later(moment, 2, 6)
    if clock.dice.random() < 0.25:
        return story.then(verified, "dismissed", verification_text="调取录音并走访，未发现所述情况，属误会。")
    story.then(verified, "verified", verified_at=verified, verification_text="与用户和当事人核实，情况属实。")
    handled = clock.later(verified, 3, 8)
    return story.then(handled, "handled", handled_at=handled, handling_result=result)
