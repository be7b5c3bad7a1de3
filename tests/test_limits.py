"""What people see and change of deadlines: time left on lists and records, delays that do not count, values that stay,
losses and moves that are told of."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from models.base import Record
from models.history import DeadlineClock, Notice
from models.people import User
from models.spec import Invalid, WrongDeclaration
from rules import access, deadlines, office, parameters, registry
from rules.act import Act
from tests import reading, valid
from tests.casebook import Casebook, at, done

SHEET, CLAIM, ACTION, INCIDENT = "quality_info_transfer", "return_exchange_claim", "corrective_action", "major_incident_report"

# Every deadline of the procedures, and where it runs. SLA-02 of the reply method and SLA-05 of promises run in several
# types; SLA-06 to SLA-08, SLA-14 and SLA-15 begin with the record, until then jobs/reminders.py asks for it.
DECLARED = {
    "SLA-01": {"info_flow_card.reply", "quality_info_transfer.reply", "complaint_tracking_card.reply"},
    "SLA-02": {"complaint_case.reply", "return_exchange_claim.first_reply"},
    "SLA-03/04": {"quality_info_transfer.arrive"}, "SLA-03/SLA-04": {"work_order.arrive"},
    "SLA-05": {"complaint_case.promise", "return_exchange_claim.promise", "contract_change_record.tell_customer",
               "equipment_takeback.return_promise"},
    "SLA-06": {"parts_demand_plan.submit"}, "SLA-07": {"monthly_quality_report.submit"},
    "SLA-08": {"dealer_monthly_work_report.submit"}, "SLA-09": {"monthly_quality_analysis.issue"},
    "SLA-10": {"quality_info_summary.submit"},
    "SLA-11": {"satisfaction_survey_plan.quarterly_survey", "satisfaction_survey_plan.quarterly_issue"},
    "SLA-12": {"customer.yearly_survey"}, "SLA-13": {"customer.contact"},
    "SLA-14": {"quarterly_service_analysis.quarterly_analysis"}, "SLA-15": {"outlet_quarterly_summary.submit"},
    "SLA-16": {"evaluation_plan.send_plan"}, "SLA-17": {"major_incident_report.report"},
    "SLA-18": {"quality_disposition_feedback.hand_in"}, "SLA-19": {"callback_record.callback"},
    "SLA-20": {"work_order.appointment"}, "SLA-21": {"return_exchange_claim.threebao_answer"},
    "SLA-22": {"return_exchange_claim.threebao_completion"}, "SLA-23": {"customer_repair_file.substitute_vehicle"},
    "SLA-24": {"nonconformity_report.rectify"}, "SLA-25": {"corrective_action.action"},
    "SLA-26": {"complaint_case.close", "complaint_tracking_card.close"},
    "SLA-27": {"overdue_notice.level_2", "overdue_notice.level_3"},
}


@pytest.fixture
def book(app):
    return Casebook(app)


@pytest.mark.once
def test_every_deadline_of_the_procedures_is_declared():
    found = {}
    for spec in registry.types().values():
        for one in spec.deadlines:
            if one.id.startswith("SLA"):
                found.setdefault(one.id, set()).add(f"{spec.name}.{one.name}")
    assert found == DECLARED


@pytest.mark.once
@pytest.mark.parametrize("wrong, words", [
    ({"holder": "customer"}, "is no person"), ({"warn": "soon"}, "warns by the unknown 'soon'"),
    ({"during": ("gone",)}, "runs in the unknown state 'gone'"), ({"pauses": "receipts"}, "with since_on, until_on"),
    ({"tell": ("finance",)}, "tells finance, who has no access")])
def test_a_wrong_deadline_stops_the_start(wrong, words):
    from dataclasses import replace
    spec = Record.types[SHEET]
    with pytest.raises(WrongDeclaration, match=words):
        registry.check(replace(spec, deadlines=(replace(spec.deadlines[0], **wrong),)))


# Seen -----------------------------------------------------------------------------------------------------------------

def sheet(book, received_at, **values):
    with valid.desk(book.app) as session:
        return valid.record(session, SHEET, "replying", received_at=received_at, replied_at=None, **values).id


def test_lists_show_the_time_left_and_find_what_is_late_or_due_today(book):
    now = office.now()
    midnight = office.end_of(office.today())
    late = sheet(book, now - timedelta(hours=24, minutes=2))
    last_minute = sheet(book, midnight - timedelta(hours=24))
    tomorrow = sheet(book, midnight - timedelta(hours=24) + timedelta(seconds=1))
    answered = sheet(book, now - timedelta(hours=30))
    book.as_it_was(SHEET, answered, replied_at=now - timedelta(hours=29))
    person = book.person("quality_engineer")

    def ids(query):
        return set(reading.ids_of(person.get(f"/admin/{SHEET}/?{query}").text))
    assert ids("") == {late, last_minute, tomorrow, answered}
    assert late in ids("time_left=late") and not {last_minute, tomorrow, answered} & ids("time_left=late")
    assert last_minute in ids("time_left=today") and not {tomorrow, answered} & ids("time_left=today")
    page = person.get(f"/admin/{SHEET}/").text
    cells = {id_: row[-1] for id_, row in reading.cells_of(page).items()}
    assert (cells[late], cells[answered]) == ("已超 2 分钟", "") and cells[tomorrow].startswith("还剩")
    tone = r'class="time-left (\w+)"|<td class="left" data-label="剩余时间"></td>'
    tones = dict(zip(reading.ids_of(page), re.findall(tone, page), strict=True))
    assert (tones[late], tones[answered]) == ("late", "") and tones[last_minute] in ("soon", "late")
    assert person.get(f"/admin/{SHEET}/?time_left=never").status_code == 400
    assert person.get("/admin/visit_plan/?time_left=late").status_code == 400      # a type without deadlines
    details = person.get(f"/admin/{SHEET}/details/?id={late}").text
    assert re.search(r'<li class="late">\s*<b>首次答复时间</b>\s*<span class="clock-left">已超 2 分钟', details)
    exported = reading.csv_of(book.person("quality_engineer").get(f"/admin/{SHEET}/export/csv/?time_left=late").data)[1]
    assert len(exported) == len(ids("time_left=late"))


# Values that stay -----------------------------------------------------------------------------------------------------

def test_the_value_that_applied_stays_with_the_clock_even_if_another_is_dated_back(book):
    received = at("2024-11-02 09:00")
    card = sheet(book, received)
    with book.session() as session:
        parameters.set_value(Act(session, access.Actor.system()), "reply_hours", "2", date(2024, 1, 1))
        session.commit()
    book.as_it_was(SHEET, card, phone="13912345678")
    with book.session() as session:
        clock = session.scalars(sa.select(DeadlineClock).where(
            DeadlineClock.type == SHEET, DeadlineClock.record_id == card, DeadlineClock.name == "reply")).one()
        assert (clock.allowance, clock.due_at) == (24, received + timedelta(hours=24))
    book.as_it_was(SHEET, card, received_at=received + timedelta(hours=1))     # begun anew: the value of that day
    assert book.clock(SHEET, card, "reply")[1] == received + timedelta(hours=3)


# Delays by the user ---------------------------------------------------------------------------------------------------

def vehicle_claim(book):
    """Received on Thursday, 1 August 2024: twenty working days end on the 29th."""
    with valid.desk(book.app) as session:
        return valid.record(session, CLAIM, "executing", received_at="2024-08-01T10:00", demand_type="exchange", delays=[]).id


def test_sla_22_days_on_which_the_user_delays_do_not_count(book):
    claim = vehicle_claim(book)
    assert book.clock(CLAIM, claim, "threebao_completion") == ("running", at("2024-08-29 23:59:59"))

    def delayed(*spans, now="2024-08-20 10:00"):
        with book.session() as session:
            line = Record.types[CLAIM].lines["delays"].model
            act = Act(session, access.Actor.system("import"), now=at(now), is_history=True)
            record = act.get(CLAIM, claim)
            record.delays = [line(position=n, since_on=since, until_on=until, reason="用户出差")
                             for n, (since, until) in enumerate(spans)]
            act.touch(record)
            session.commit()
        return book.clock(CLAIM, claim, "threebao_completion")
    aug = [date(2024, 8, day) for day in range(1, 32)]
    # Thursday to Tuesday: four working days and a weekend that never counted.
    assert delayed((aug[7], aug[12])) == ("running", at("2024-09-04 23:59:59"))
    assert delayed((aug[7], aug[12]), (aug[8], aug[12])) == ("running", at("2024-09-04 23:59:59"))   # overlapping
    assert delayed((aug[9], aug[10])) == ("running", at("2024-08-29 23:59:59"))                      # a weekend
    state, due = delayed((aug[14], None))                            # since Thursday, and today is Tuesday
    assert (state, due) == ("paused", at("2024-09-04 23:59:59"))
    assert "暂停计时" in book.person("customer_service").get(f"/admin/{CLAIM}/details/?id={claim}").text
    assert delayed((aug[14], aug[20]), now="2024-08-21 10:00") == ("running", at("2024-09-05 23:59:59"))
    assert book.clock(CLAIM, claim, "threebao_answer")[1] == at("2024-08-15 23:59:59")


@pytest.mark.parametrize("since, until, wrong", [
    ("2024-07-31", "2024-08-02", "since_on"), ("2199-01-01", "", "since_on"), ("2024-08-05", "2024-08-02", "until_on"),
    ("2024-08-05", "2199-01-01", "until_on")])
def test_a_delay_lies_between_the_receipt_and_today(book, since, until, wrong):
    claim = vehicle_claim(book)
    with pytest.raises(Invalid) as refusal:
        book.edit("customer_service", CLAIM, claim, delays=[{"since_on": since, "until_on": until, "reason": "用户出差"}])
    assert set(refusal.value.errors) == {f"delays-0-{wrong}"}


def test_br_05_a_new_promise_of_a_claim_needs_a_new_reason(book):
    claim = vehicle_claim(book)
    book.as_it_was(CLAIM, claim, promised_at=at("2024-08-20 17:00"), first_replied_at=at("2024-08-01 11:00"))
    later = {"promised_at": "2024-08-25T17:00", "promise_renotified_at": "2024-08-19T17:00"}
    with pytest.raises(Invalid) as refusal:
        book.edit("customer_service", CLAIM, claim, **later)
    assert set(refusal.value.errors) == {"promise_reason"}
    book.edit("customer_service", CLAIM, claim, **later, promise_reason="待料")
    assert book.clock(CLAIM, claim, "promise") == ("running", at("2024-08-25 17:00"))


# A year's survey is owed anew each year -------------------------------------------------------------------------------

def test_sla_12_a_customer_asked_this_year_is_owed_next_years_survey(book):
    customer = book.id("customer", name="客户A")
    book.as_it_was("customer", customer, state="active")
    year = office.today().year
    assert book.clock("customer", customer, "yearly_survey") == ("running", at(f"{year}-12-31 23:59:59"))
    with valid.desk(book.app) as session:
        valid.record(session, "satisfaction_questionnaire", "sent", sent_at=office.now(), customer=customer)
    book.as_it_was("customer", customer, remark="已调查")
    assert book.clock("customer", customer, "yearly_survey") == ("running", at(f"{year + 1}-12-31 23:59:59"))
    book.as_it_was("customer", customer, state="inactive")
    assert book.clock("customer", customer, "yearly_survey")[0] == deadlines.STOPPED


# Told -----------------------------------------------------------------------------------------------------------------

def told(book, type_name):
    with book.session() as session:
        rows = session.execute(sa.select(User.username, Notice.zh).join(User, User.id == Notice.person_id).where(
            Notice.type == type_name).order_by(User.username))
        return [tuple(row) for row in rows]


def test_a_move_tells_those_for_whom_it_is_news(book):
    action = book.person("quality_engineer").create(ACTION, book.corrective_action())
    book.as_it_was(ACTION, action, state="effective")
    done(book.person("quality_manager").move(ACTION, action, "report"))
    assert told(book, ACTION) == [("general_manager", f"纠正和预防措施记录 {book.read(ACTION, action).number}：报总经理")]


def test_those_named_in_a_memo_hear_of_it_when_it_is_recorded_except_who_records_it(book):
    people = {"informed-0-person": book.user("unit"), "informed-1-person": book.user("sales"),
              "informed-2-person": book.user("finance")}      # who does not see memos
    memo = book.recorded_memo(**people)
    assert [who for who, _ in told(book, "customer_contact_memo")] == ["unit"] and memo


def test_br_15_a_major_loss_that_is_typed_later_is_reported_at_once(book):
    card = sheet(book, at("2024-11-02 09:00"), direct_loss="0")
    book.edit("quality_engineer", SHEET, card, direct_loss="19999.99")
    assert book.ids(INCIDENT) == []
    book.edit("quality_engineer", SHEET, card, direct_loss="20000")
    book.edit("quality_engineer", SHEET, card, direct_loss="21000")
    assert [str(book.read(INCIDENT, id_).direct_loss) for id_ in book.ids(INCIDENT)] == ["20000.00"]
