"""A dispute with a user: measures within three days, then negotiation, mediation and the authority, in this order."""

from __future__ import annotations

import pytest

from rules import office
from tests.casebook import Casebook, at, done, refused
from tests.disposition.test_starting_from import started
from tests.warranty.paper import CLAIM, DISPUTE, made, vehicle

NOT_FAILED = "的结束时间，且“是否达成”为“否”"


@pytest.fixture
def book(app):
    return Casebook(app)


def now():
    return f"{office.local(office.now()):%Y-%m-%dT%H:%M}"


def planned(book):
    service = book.person("customer_service")
    id_ = service.create(DISPUTE, {
        "received_at": "2026-11-18T09:00", "customer": book.id("customer", name="客户A"), "dispute_text": "要求全额退款",
        "handler": book.user("customer_service"), "amount": "80000", "dealer": book.id("dealer_ledger", dealer_code="F001")})
    answer = service.move(DISPUTE, id_, "plan")
    assert answer.status_code == 422 and "解决争议的措施" in answer.text
    refused(service.move(DISPUTE, id_, "negotiate"), "不能与客户协商")
    done(book.person("dealer_f001").move(DISPUTE, id_, "plan", settlement_measures="先协商延保"))
    return id_


def test_br_13_route_by_route_to_the_authority(book):
    """None is skipped, and each was gone to its end in vain before the next."""
    service, deputy, id_ = book.person("customer_service"), book.person("deputy_gm"), planned(book)
    body, office_ = {"mediation_body": "消费者协会"}, {"authority_name": "市场监督管理局"}
    for by, move, given in ((service, "mediate", body), (deputy, "advise_authority", office_)):
        refused(by.move(DISPUTE, id_, move, **given), "不能")
    done(service.move(DISPUTE, id_, "negotiate"))
    refused(deputy.move(DISPUTE, id_, "advise_authority", **office_), "不能建议向有关部门申诉")
    negotiation_fails(book, id_, body)
    refused(deputy.move(DISPUTE, id_, "advise_authority", **office_), "“B第三方调解”" + NOT_FAILED)
    done(service.edit(DISPUTE, id_, **{"routes-1-ended_at": now(), "routes-1-is_settled": "false"}))
    done(service.edit(DISPUTE, id_, **{"routes-0-is_settled": "true"}))
    refused(deputy.move(DISPUTE, id_, "advise_authority", **office_), "“A与客户协商和解”" + NOT_FAILED)
    done(service.edit(DISPUTE, id_, **{"routes-0-is_settled": "false"}))
    refused(service.move(DISPUTE, id_, "advise_authority", **office_), "“建议向有关部门申诉”由主管副总办理")
    done(deputy.move(DISPUTE, id_, "advise_authority", **office_))
    read = book.read(DISPUTE, id_)
    assert [row.route for row in read.routes] == ["a_negotiation", "b_mediation", "c_authority"]
    assert (read.route, read.case_due_on is not None) == ("c_authority", True)
    assert book.clock(DISPUTE, id_, "case_due")[0] == "running"
    closed_unsettled(book, id_)


def negotiation_fails(book, id_, body):
    service = book.person("customer_service")
    refused(service.move(DISPUTE, id_, "mediate", **body), "“A与客户协商和解”" + NOT_FAILED)
    done(service.edit(DISPUTE, id_, **{"routes-0-is_settled": "false"}))
    refused(service.move(DISPUTE, id_, "mediate", **body), NOT_FAILED)
    done(service.edit(DISPUTE, id_, **{"routes-0-ended_at": now(), "routes-0-is_settled": "true"}))
    refused(service.move(DISPUTE, id_, "mediate", **body), NOT_FAILED)
    done(service.edit(DISPUTE, id_, **{"routes-0-is_settled": "false"}))
    answer = service.move(DISPUTE, id_, "mediate")
    assert answer.status_code == 422 and "调解机构" in answer.text
    refused(book.person("dealer_f001").move(DISPUTE, id_, "mediate", **body), "“请第三方调解”由客户服务办理")
    done(service.move(DISPUTE, id_, "mediate", **body))


def closed_unsettled(book, id_):
    deputy, ended = book.person("deputy_gm"), {"outcome": "litigation", "result": "用户起诉"}
    refused(book.person("customer_service").move(DISPUTE, id_, "close_unsettled", comment="诉讼", **ended), "由主管副总办理")
    refused(deputy.move(DISPUTE, id_, "close_unsettled", **ended), "请填写原因", 422)
    refused(deputy.move(DISPUTE, id_, "close_unsettled", comment="诉讼", outcome="negotiated", result="和解"),
            "已达成解决的，请用“达成解决”")
    done(deputy.move(DISPUTE, id_, "close_unsettled", comment="诉讼", **ended))


def test_br_13_no_route_is_added_or_removed_by_hand(book):
    service, id_ = book.person("customer_service"), planned(book)
    sentence = "途径按 A、B、C 的顺序由系统开启"
    refused(service.edit(DISPUTE, id_, **{"routes-0-content": "自行调解"}), sentence, 422)
    done(service.move(DISPUTE, id_, "negotiate"))
    refused(service.edit(DISPUTE, id_, **{"routes-1-content": "自行调解"}), sentence, 422)
    path = f"/admin/{DISPUTE}/edit/?id={id_}"
    fewer = {name: value for name, value in service.form(path).items() if not name.startswith("routes-")}
    refused(service.post(path, fewer), sentence, 422)
    for wrong, sentence in (("2026-11-01T09:00", "结束时间不能早于开始时间"), ("2099-01-01T09:00", "结束时间不能晚于现在")):
        refused(service.edit(DISPUTE, id_, **{"routes-0-ended_at": wrong}), sentence, 422)


def test_br_13_a_dispute_is_settled_by_the_route_that_was_taken(book):
    service, id_ = book.person("customer_service"), planned(book)
    done(service.move(DISPUTE, id_, "negotiate"))
    refused(service.move(DISPUTE, id_, "settle", outcome="negotiated", result="和解"), "请先填写当前途径的结束时间")
    done(service.edit(DISPUTE, id_, **{"routes-0-ended_at": now()}))
    for outcome, sentence in (("unsettled", "未解决的争议不能作为已解决结案"), ("mediated", "结案方式与途径记录不符"),
                              ("authority", "结案方式与途径记录不符")):
        refused(service.move(DISPUTE, id_, "settle", outcome=outcome, result="和解"), sentence)
    done(service.edit(DISPUTE, id_, **{"routes-0-is_settled": "false"}))
    refused(service.move(DISPUTE, id_, "settle", outcome="negotiated", result="和解"), "结案方式与途径记录不符")
    done(service.edit(DISPUTE, id_, **{"routes-0-is_settled": ""}))
    done(service.move(DISPUTE, id_, "settle", outcome="negotiated", result="延保一年"))
    read = book.read(DISPUTE, id_)
    assert (read.state, read.routes[0].is_settled) == ("settled", True)


@pytest.mark.parametrize("planned_at, kept", [("2026-11-05 09:00:00", "met"), ("2026-11-05 09:00:01", "missed")])
def test_measures_are_set_within_three_days(book, planned_at, kept):
    id_ = made(book, DISPUTE, received_at="2026-11-02T09:00")
    book.act("customer_service", DISPUTE, id_, "plan", now=at(planned_at), settlement_measures="协商")
    assert (book.read(DISPUTE, id_).plan_due_at, book.clock(DISPUTE, id_, "plan")[0]) == (at("2026-11-05 09:00"), kept)


def test_the_authority_has_the_time_of_its_rules_and_the_claims_limits_run_on(book):
    """45 working days unless somebody knows better. A dispute stops nothing of the claim that it is about."""
    claim = book.person("customer_service").create(CLAIM, {
        "demand_type": "return", "received_at": "2026-11-16T09:00", "customer": book.id("customer", name="客户A"),
        "vehicle": vehicle(book), "fault_category": "engine", "fault_description": "漏水"})
    before = book.clock(CLAIM, claim, "threebao_answer")
    routes = [{"route": route, "started_at": "2026-11-17T09:00", "ended_at": "2026-11-18T09:00", "is_settled": "false"}
              for route in ("a_negotiation", "b_mediation")]
    for due in (None, "2027-01-31"):
        id_ = made(book, DISPUTE, "mediating", route="b_mediation", routes=routes, mediation_body="消协",
                   return_exchange_claim=str(claim), case_due_on=due)
        book.act("deputy_gm", DISPUTE, id_, "advise_authority", now=at("2026-11-20 10:00"), authority_name="市场监督管理局")
        read = book.read(DISPUTE, id_)
        assert f"{read.case_due_on}" == (due or "2027-01-25")
    assert book.clock(CLAIM, claim, "threebao_answer") == before is not None


def test_a_dispute_starts_from_the_claim(book):
    id_ = made(book, CLAIM, vehicle=str(vehicle(book)), fault_description="反复漏水")
    new = started(book, DISPUTE, CLAIM, id_)
    assert (new.return_exchange_claim, new.dispute_text, new.customer) == (id_, "反复漏水", book.read(CLAIM, id_).customer)


def test_a_dispute_does_not_arise_in_the_future(book):
    refused(book.person("customer_service").post(f"/admin/{DISPUTE}/new/", {
        "received_at": "2099-01-01T09:00", "customer": book.id("customer", name="客户A"), "dispute_text": "退款",
        "handler": book.user("customer_service")}), "争议发生时间不能晚于现在", 422)
