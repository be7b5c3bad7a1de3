"""The warranty appraisals of the demo company's dealers, each about a repair that has its file."""

from __future__ import annotations

from datetime import datetime

from demo import people
from demo.outlets import goes_well
from demo.story import Clock, Rec, Story, tell
from demo.workshop import Job

APPRAISALS = 6   # a month of a dealer
BASIS = "在包修期和包修里程内，按三包凭证第3条，属产品质量责任。"
OUTSIDE = "故障由自行加装或使用不当引起，不属三包凭证所列保修条件。"
INSTRUCTIONS = ("同意更换总成，旧件五日内返回公司分析。", "先更换易损部位观察，复发再换总成。", "请补拍故障部位照片后按保修处理。")
REJECTED = (
    ("wrong_fee", "工时按标准核减后重报，本单拒绝。"), ("no_evidence", "旧件未返回，照片看不清故障部位。"),
    ("misuse", "旧件分析为超载使用所致。"), ("duplicate", "与上月一单为同一故障，重复申报。"),
)


def appraisals(clock: Clock, files: list[Rec], badges: dict[str, Rec], states: list[str]) -> list[Rec]:
    """For the repairs under warranty; those that are still in the workshop are being judged."""
    taken: dict[tuple[int, str], int] = {}
    stories = []
    for file in files:
        job = file["_job"]
        key = id(file["dealer"]), f"{file['received_at']:%Y-%m}"
        if job.is_repair and job.in_warranty and file["state"] != "cancelled" and taken.get(key, 0) < APPRAISALS:
            taken[key] = taken.get(key, 0) + 1
            stories.append(_sheet(clock, file, job, badges[job.month.appraiser]))
    return tell(sorted(stories, key=lambda story: story.record["created_at"]), clock, states)


def _sheet(clock: Clock, file: Rec, job: Job, badge: Rec) -> Story:
    dice, month, chance = clock.dice, job.month, clock.dice.random()
    is_unclear = chance < 0.12
    story = Story(
        clock.soon(file["created_at"], 5, 20), month.appraiser, "draft", dealer=month.dealer, customer=file["customer"],
        phone=file["phone"], vehicle=job.vehicle, received_at=file["received_at"], mileage=file["mileage"],
        claim_type="goodwill" if chance < 0.02 else "vehicle", fault_category=job.fault.category,
        fault_description=f"{job.fault.text}。", is_important=chance < 0.06, is_hard_to_judge=0.06 <= chance < 0.12,
        staff_qualification=badge, is_in_warranty=True, _file=file, _repaired=file.get("completed_at"))
    judged = clock.soon(story.record["created_at"], 10, 30)
    who = {"appraiser": month.appraiser}
    is_out = dice.random() < 0.04
    grounds = {"is_in_warranty": not is_out, "warranty_basis": OUTSIDE if is_out else BASIS}
    if is_unclear:
        story.then(judged, "escalated", escalated_at=judged, **who)
        answered = clock.soon(judged, 30, 240)
        told = {"cs_instruction": dice.choice(INSTRUCTIONS), "instructed_at": answered}
        if is_out:
            return story.then(answered, "out_of_warranty", **told, **grounds)
        story.then(answered, "appraised", appraised_at=answered, **told, **grounds)
        judged = answered
    elif is_out:
        return story.then(judged, "out_of_warranty", **who, **grounds)
    else:
        story.then(judged, "appraised", appraised_at=judged, **who, **grounds)
    _repair(clock, story, job, judged)
    return story


def _repair(clock: Clock, story: Story, job: Job, judged: datetime) -> None:
    dice, file = clock.dice, story.record["_file"]
    finished = max(file.get("completed_at") or clock.later(judged, 1, 2), judged)
    rate = dice.choice(("60.00", "70.00", "80.00"))
    story.then(finished, "repaired", cause=f"{job.fault.cause}。", repair_method=clock.pick({"replace": 5, "repair": 3, "adjust": 2}),
               repair_started_at=judged, repair_finished_at=finished,
               old_part_disposal=clock.pick({"returned": 6, "kept": 2, "scrapped": 1}),
               labours=[{"labour_code": f"GS{dice.randint(100, 399)}", "labour_name": job.fault.measure[:60],
                         "labour_hours": dice.choice(("0.5", "1.0", "1.5", "2.5")), "labour_rate": rate}],
               parts=[{"part_no": f"BJ-{job.fault.category[:3].upper()}-{dice.randint(10, 29)}",
                       "part_name": f"{job.fault.cause[:8]}修理件",
                       "quantity": dice.choice((1, 1, 2)), "unit_price": f"{dice.randint(3, 60) * 10}.00", "is_main_fault_part": True}],
               travel_fee=f"{dice.choice((0, 0, 30, 60))}.00")
    accepted = clock.soon(finished, 15, 60)
    story.then(accepted, "accepted", signed_by=file["customer"]["contact_person"], signed_at=accepted,
               appraiser_signed_by=people.name_of(job.month.appraiser))
    submitted = clock.later(accepted, 0.6, 3)
    story.then(submitted, "submitted", customer_repair_file=file, submitted_at=submitted)
    _review(clock, story, job, submitted)


def _review(clock: Clock, story: Story, job: Job, submitted: datetime) -> None:
    """What the careless send in is refused now and then; the rest waits for its settlement."""
    reviewed = clock.later(submitted, 1, 4)
    who = {"reviewer": clock.dice.choice(("customer_service", "customer_service2")), "reviewed_at": reviewed}
    if not goes_well(clock, job.month) and clock.dice.random() < 0.7:
        reason, opinion = clock.dice.choice(REJECTED)
        story.then(reviewed, "rejected", review_result="rejected", reject_reason=reason, review_opinion=opinion, **who)
        return
    story.then(reviewed, "approved", review_result="approved", review_opinion="资料齐全，同意。", **who)
