"""A visit: agreed with the customer, agreed anew, reached by bus, and ended in one of the ways that there are."""

from __future__ import annotations

import pytest

from tests import valid
from tests.casebook import Casebook, charge_notice, done, refused, why_not
from tests.dispatch.paper import CALL, DIAGNOSED, ORDER, made, order

TOLD = {"warranty_told_at": "2026-11-19T10:00", "charge_told_at": "2026-11-19T10:00"}


@pytest.fixture
def book(app):
    return Casebook(app)


def test_another_time_is_agreed_at_once_and_the_dispatcher_told(book):
    technician, id_ = book.person("technician"), order(book, "dispatched")
    refused(technician.move(ORDER, id_, "start_walk_in", **TOLD), "“服务方式”须为：送修")
    walk_in = order(book, "dispatched", service_mode="walk_in")
    refused(technician.move(ORDER, walk_in, "appoint", appointment_at="2026-11-20T14:00", **TOLD), "送修的不约定上门时间")
    done(technician.move(ORDER, walk_in, "start_walk_in", **TOLD))
    done(technician.move(ORDER, id_, "appoint", appointment_at="2026-11-20T14:00", **TOLD))
    sentence = "请先在“约定与改约记录”加一行新的约定时间"
    refused(technician.move(ORDER, id_, "reappoint"), sentence)
    row = {"appointment_at": "2026-11-21T09:00", "reason": "客户开会", "dispatcher_told_at": "2026-11-20T11:00"}
    for missing in ("reason", "dispatcher_told_at"):
        done(technician.edit(ORDER, id_, **{f"appointments-1-{name}": "" if name == missing else value
                                            for name, value in row.items()}))
        refused(technician.move(ORDER, id_, "reappoint"), sentence)
    done(technician.edit(ORDER, id_, **{f"appointments-1-{name}": value for name, value in row.items()}))
    done(technician.move(ORDER, id_, "reappoint"))
    read = book.read(ORDER, id_)
    assert read.appointment_at == read.appointments[1].appointment_at
    done(technician.move(ORDER, id_, "arrive", transport_mode="bus", is_appearance_ready="true"))
    assert [row.arrived_at is not None for row in book.read(ORDER, id_).appointments] == [False, True]


def test_the_bus_is_usual_and_a_car_is_approved_by_the_dispatcher(book):
    technician, reached = book.person("technician"), {"is_appearance_ready": "true"}
    usual = order(book, "appointed", urgency="normal")
    for mode in ("motorcycle_taxi", "company_car"):
        refused(technician.move(ORDER, usual, "arrive", transport_mode=mode, **reached), "摩的和公司派车只用于紧急或重要任务")
    urgent = order(book, "appointed", urgency="urgent")
    refused(technician.move(ORDER, urgent, "arrive", transport_mode="company_car", **reached), "公司派车须填写派车批准人")
    refused(technician.edit(ORDER, urgent, transport_approved_by=book.user("technician")), "派车须由调度员批准", 422)
    done(technician.edit(ORDER, urgent, transport_approved_by=book.user("dispatcher")))
    done(technician.move(ORDER, urgent, "arrive", transport_mode="company_car", **reached))


@pytest.mark.parametrize("move, label, given", [
    ("fix_on_site", "当场解决", {"warranty_status": "in", "solution": "换件"}),
    ("take_back", "带回", {"takeback_description": "主机", "customer_copy_given_at": "2026-11-18T10:30"}),
    ("defer", "择日维修、择人维修", {"deferral_explanation": "缺件"})])
def test_each_way_to_end_a_visit_says_so(book, move, label, given):
    answer = book.person("technician").move(ORDER, order(book), move, visit_outcome="not_repaired", **DIAGNOSED, **given)
    refused(answer, f"“处理方式”须为：{label}")


def test_br_08_the_customer_is_told_the_charge_before_anything_is_done(act):
    """The notice alone does not say that the customer knew."""
    for outcome, move in (("fixed_on_site", "fix_on_site"), ("taken_back", "finish")):
        job = valid.record(act.session, ORDER, warranty_status="out", visit_outcome=outcome, charge_told_at=None)
        charge_notice(act.session, "accepted", "0", work_order=job.id)
        assert why_not(act, job, move).startswith("保修期外的，须先告知客户收费情况并填写告知时间"), move


def test_br_09_what_is_hardly_worth_it_is_not_just_fixed(act):
    for advised, decision, is_allowed in (("false", "", False), ("true", "", False), ("false", "repair", False),
                                          ("true", "repair", True)):
        job = valid.record(act.session, ORDER, warranty_status="in", visit_outcome="fixed_on_site", is_low_repair_value="true",
                           is_replacement_advised=advised, replacement_decision=decision)
        assert (why_not(act, job, "fix_on_site") == "") is is_allowed, (advised, decision)


def test_only_a_dealer_in_operation_is_sent(act):
    for state, is_allowed in (("active", True), ("rectifying", True), ("suspended", False), ("withdrawn", False)):
        job = valid.record(act.session, ORDER, source="other")
        job.dealer.state = state
        assert (why_not(act, job, "dispatch") == "只能派给运营或整改中的服务商") is not is_allowed, state


def test_only_who_is_dissatisfied_has_the_order_reopened(book):
    dispatcher = book.person("dispatcher")
    for level, is_reopened in (("satisfied", False), ("neutral", False), ("dissatisfied", True)):
        id_ = order(book, "returned", signed_by="张三")
        made(book, CALL, "done", work_order=id_, satisfaction_level=level)
        answer = dispatcher.move(ORDER, id_, "reopen", comment="再修")
        done(answer) if is_reopened else refused(answer, "最近一次回访为不满意的方可重开")
    refused(dispatcher.move(ORDER, order(book, "signed", signed_by="张三"), "reopen", comment="再修"), "最近一次回访为不满意")
    assert book.read(ORDER, id_).signed_by is None, "what is done again is signed for again"


def test_the_lead_is_one_and_under_warranty_nothing_is_charged(book):
    """Nobody is named twice on an order."""
    id_, dispatcher = order(book, "draft"), book.person("dispatcher")
    both = {"crew-0-technician": book.user("technician2"), "crew-1-technician": book.user("technician2")}
    for crew in ({"crew-0-technician": book.user("technician")}, both):
        refused(dispatcher.edit(ORDER, id_, **crew), "负责人和同行人员不能重复", 422)
    done(dispatcher.edit(ORDER, id_, **{"crew-0-technician": book.user("technician2")}))
    free = order(book, warranty_status="in")
    refused(book.person("technician").edit(ORDER, free, labour_fee="1"), "保修期内不向客户收费", 422)
