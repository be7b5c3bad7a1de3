"""Bulletins to all subsidiaries and the rectification orders on top of them; what recurs is proposed by the system."""

from __future__ import annotations

from datetime import timedelta

import pytest

from jobs import schedule
from models.spec import Refused
from rules import office
from rules.access import Actor
from rules.act import Act
from tests import valid
from tests.casebook import Casebook, at, done, refused

BULLETIN, ORDER, SHEET, ACTION = (
    "quality_bulletin", "quality_rectification_order", "quality_info_transfer", "corrective_action")
NOW = "2026-11-20 10:00"


@pytest.fixture
def book(app):
    return Casebook(app)


def made(book, type_name, state=None, **given):
    with book.session() as session:
        row = valid.record(session, type_name, state, **given)
        session.commit()
        return row.id


def sheet(book, **given):
    return made(book, SHEET, "called_back", **{"is_substantiated": "true", "fault_category": "engine", **given})


# Bulletins ------------------------------------------------------------------------------------------------------------

def bulletin(book, **changes):
    return book.person("quality_engineer").create(BULLETIN, {
        "subject": "缸体砂眼", "quality_info_transfer": sheet(book), "fault_category": "engine", "problem": "缸体有砂眼",
        "responsible_unit": "U1", "bulletin_scope": "各子(分)公司", **changes})


def published(book, **changes):
    id_ = bulletin(book, **changes)
    done(book.person("quality_engineer").move(BULLETIN, id_, "submit"))
    done(book.person("quality_manager").move(BULLETIN, id_, "publish"))
    return id_


@pytest.mark.parametrize("is_substantiated", ["false", ""])
def test_br_22_only_what_proved_true_is_published(book, is_substantiated):
    id_ = bulletin(book, quality_info_transfer=sheet(book, is_substantiated=is_substantiated))
    refused(book.person("quality_engineer").move(BULLETIN, id_, "submit"), "只有“是否属实”为“是”的质量信息才予通报")


def test_a_bulletin_is_published_by_another_than_who_wrote_it_and_numbered_then(book):
    id_, manager = bulletin(book), book.person("quality_manager")
    done(book.person("quality_engineer").move(BULLETIN, id_, "submit"))
    assert book.read(BULLETIN, id_).number is None
    refused(manager.move(BULLETIN, id_, "send_back"), "请填写原因", 422)
    done(manager.move(BULLETIN, id_, "send_back", comment="补充原因"))
    done(book.person("quality_engineer").move(BULLETIN, id_, "submit"))
    refused(book.person("quality_engineer").move(BULLETIN, id_, "publish"), "正等待质量负责人签署")
    done(manager.move(BULLETIN, id_, "publish"))
    assert book.read(BULLETIN, id_).number == f"QBL-{office.today():%Y%m}-0001"
    refused(book.person("quality_engineer").edit(BULLETIN, id_, problem="无"), "当前状态不由您填写")


def test_br_22_every_subsidiary_signs_for_the_bulletin(book):
    """U1 and U2 have people of role unit; the quality and service departments have none."""
    id_ = published(book)
    assert [(row.unit, row.signed_at) for row in book.read(BULLETIN, id_).receipts] == [("U1", None), ("U2", None)]
    done(book.person("unit").move(BULLETIN, id_, "acknowledge"))
    read = book.read(BULLETIN, id_)
    assert read.state == "published" and [row.signed_by for row in read.receipts] == [book.user("unit"), None]
    refused(book.person("unit_lead").move(BULLETIN, id_, "acknowledge"), "本单位已签收，其他单位尚未全部签收")
    refused(book.acknowledge("unit", BULLETIN, id_, read.receipts[1].id), "这一份不由您签收")
    done(book.acknowledge("unit_lead2", BULLETIN, id_, read.receipts[1].id))
    done(book.person("unit_lead").move(BULLETIN, id_, "acknowledge"))
    assert book.read(BULLETIN, id_).acknowledged_at is not None


def test_the_last_subsidiary_completes_the_bulletin(book):
    id_ = published(book)
    for username in ("unit2", "unit"):
        done(book.person(username).move(BULLETIN, id_, "acknowledge"))
    assert book.state(BULLETIN, id_) == "acknowledged"


# Orders ---------------------------------------------------------------------------------------------------------------

def order(book, **changes):
    return book.person("quality_engineer").create(ORDER, {
        "quality_bulletin": made(book, BULLETIN, "published"), "basis": "systemic", "responsible_unit": "U1", "fault_category": "engine",
        "problem": "缸体砂眼", "requirement": "更换模具", "due_on": "2099-12-31", **changes})


def issued(book, **changes):
    id_ = order(book, **changes)
    done(book.person("quality_engineer").move(ORDER, id_, "submit"))
    for username in ("quality_manager", "deputy_gm"):
        done(book.person(username).move(ORDER, id_, "sign"))
    return id_


def test_br_22_an_order_is_given_on_top_of_a_published_bulletin(book):
    engineer = book.person("quality_engineer")
    id_ = order(book, quality_bulletin=bulletin(book))
    refused(engineer.move(ORDER, id_, "submit"), "关联的“质量通报”尚未达到要求的状态")
    done(engineer.edit(ORDER, id_, quality_bulletin=made(book, BULLETIN, "published")))
    assert book.read(ORDER, id_).number is None
    done(engineer.move(ORDER, id_, "submit"))
    assert book.read(ORDER, id_).number == f"QRO-{office.today():%Y%m}-0001"


def test_a_recurrent_problem_names_two_cases(book):
    id_, engineer = order(book, basis="recurrent", **{"cases-0-quality_info_transfer": sheet(book)}), book.person("quality_engineer")
    refused(engineer.move(ORDER, id_, "submit"), "相关质量信息至少填写两起")
    done(engineer.edit(ORDER, id_, **{"cases-1-quality_info_transfer": sheet(book)}))
    done(engineer.move(ORDER, id_, "submit"))


def test_an_order_is_not_due_before_it_is_issued(book):
    id_ = order(book, due_on="2026-11-25")
    with pytest.raises(Refused, match="before the day of issue"):
        book.act("quality_engineer", ORDER, id_, "submit", now=at("2026-11-26 00:00"))
    book.act("quality_engineer", ORDER, id_, "submit", now=at("2026-11-25 23:59"))
    with pytest.raises(Refused, match="before the day of issue"):
        book.act("quality_manager", ORDER, id_, "sign", now=at("2026-11-26 00:00"))


def test_an_order_is_signed_by_quality_and_the_executive_and_is_then_due(book):
    id_ = order(book)
    done(book.person("quality_engineer").move(ORDER, id_, "submit"))
    refused(book.person("deputy_gm").move(ORDER, id_, "sign"), "正等待质量负责人签署")
    done(book.person("quality_manager").move(ORDER, id_, "sign"))
    assert book.read(ORDER, id_).issued_at is None
    done(book.person("deputy_gm").move(ORDER, id_, "sign"))
    assert book.clock(ORDER, id_, "rectification") == ("running", at("2099-12-31 23:59:59"))
    refused(book.person("unit2").move(ORDER, id_, "receive"), "这不是您本单位的记录")
    done(book.person("unit").move(ORDER, id_, "receive"))


def rectified(book, **given):
    return made(book, ORDER, "completed", **given)


def test_what_was_not_rectified_is_done_again_and_the_limit_runs_on(book):
    id_, engineer = rectified(book, due_on="2099-12-31"), book.person("quality_engineer")
    refused(engineer.move(ORDER, id_, "verify_fail"), "请填写原因", 422)
    done(engineer.move(ORDER, id_, "verify_fail", comment="仍有砂眼"))
    assert book.read(ORDER, id_).completed_at is None and book.clock(ORDER, id_, "rectification")[0] == "running"
    done(book.person("unit").move(ORDER, id_, "finish"))
    done(engineer.move(ORDER, id_, "verify", verification_text="合格"))
    assert book.read(ORDER, id_).verified_by == book.user("quality_engineer")


@pytest.mark.parametrize("name", ["finish", "verify", "close"])
def test_an_order_is_finished_verified_and_closed_with_evidence(book, name):
    state, username = {"finish": ("rectifying", "unit"), "verify": ("completed", "quality_engineer"),
                       "close": ("verified", "quality_manager")}[name]
    id_ = made(book, ORDER, state, also=("cause", "corrective_measure", "verification_text"))
    book.as_it_was(ORDER, id_, evidence=None)
    refused(book.person(username).move(ORDER, id_, name), "请填写“整改证据”", 422)


CONDITIONS = ("is_cause_found", "is_measure_implemented", "is_accountability_done", "is_education_done")


def test_br_14_an_order_closes_once_nothing_is_let_go(book):
    id_, manager = made(book, ORDER, "verified"), book.person("quality_manager")
    refused(manager.move(ORDER, id_, "close"), "且已做到“四不放过”")
    action = made(book, ACTION, "reported", **dict.fromkeys(CONDITIONS, "true"))
    book.as_it_was(ORDER, id_, corrective_action=action)
    for name in CONDITIONS:
        book.as_it_was(ACTION, action, **{name: False})
        refused(manager.move(ORDER, id_, "close"), "且已做到“四不放过”")
        book.as_it_was(ACTION, action, **{name: True})
    done(manager.move(ORDER, id_, "close"))


def test_an_order_is_called_off_only_as_a_draft(book):
    id_ = order(book)
    done(book.person("quality_engineer").move(ORDER, id_, "submit"))
    refused(book.person("quality_manager").move(ORDER, id_, "cancel", comment="重复"), "当前状态为“签发中”")
    done(book.person("quality_manager").move(ORDER, id_, "send_back", comment="重复"))
    done(book.person("quality_manager").move(ORDER, id_, "cancel", comment="重复"))


# What recurs ----------------------------------------------------------------------------------------------------------

def detect(book, now=NOW):
    """What the daily job does."""
    with book.session() as session:
        job = next(job for job in schedule.JOBS if job.name == "recurrences")
        job.function(Act(session, Actor.system(), now=at(now)), at(now))
        session.commit()
    return book.ids(ORDER)


def fault(book, days_ago=1.0, batch="B2608", state="registered", **given):
    return made(book, SHEET, state, **{
        "received_at": (at(NOW) - timedelta(days=days_ago)).isoformat(), "fault_category": "engine",
        "product_batch": book.id("product_batch", batch_no=batch), "product_name": "M1", "batch_no": batch,
        "responsible_unit": "U1", **given})


def test_br_23_three_of_the_same_within_thirty_days_propose_an_order(book):
    sheets = [fault(book, 30), fault(book, 2)]
    assert detect(book) == []
    sheets.append(fault(book, 1))
    (id_,) = detect(book)
    read = book.read(ORDER, id_)
    assert (read.state, read.basis, read.is_proposed_by_system, read.responsible_unit, read.fault_category, read.number,
            read.product_batch) == ("draft", "recurrent", True, "U1", "engine", None,
                                    book.id("product_batch", batch_no="B2608"))
    assert [row.quality_info_transfer for row in read.cases] == sheets
    assert "30天内同类故障重复发生3起" in read.problem and book.read(SHEET, sheets[0]).number in read.problem
    assert detect(book) == [id_], "what is proposed is not proposed again"
    fault(book, 0.5)
    assert detect(book) == [id_], "a fourth case is no new recurrence"


def test_br_23_a_case_a_second_older_than_thirty_days_counts_no_more(book):
    for days in (30 + 1 / 86_400, 2, 1):
        fault(book, days)
    assert detect(book) == []


@pytest.mark.parametrize("third, proposed", [
    ({"fault_category": "body"}, 0), ({"state": "rejected"}, 0), ({"product_name": "M2", "batch": "B2609"}, 0),
    ({"batch": "B2609"}, 1), ({"product_name": "M1 加强型"}, 1)])
def test_br_23_it_is_the_same_fault_of_the_same_batch_or_product(book, third, proposed):
    fault(book, 3), fault(book, 2), fault(book, 1, **third)
    found = detect(book)
    assert len(found) == proposed
    if "batch" in third and proposed:
        assert book.read(ORDER, found[0]).product_batch is None, "several batches of one product"


def test_br_23_a_proposal_that_was_turned_down_is_not_made_again(book):
    for days in (3, 2, 1):
        fault(book, days)
    (id_,) = detect(book)
    done(book.person("quality_engineer").edit(ORDER, id_, requirement="更换模具"))
    done(book.person("quality_manager").move(ORDER, id_, "cancel", comment="已处理"))
    assert detect(book) == [id_]


def test_br_23_the_office_sets_how_often_within_how_many_days(book):
    book.set_parameter("recurrence_count", "2")
    book.set_parameter("recurrence_days", "10")
    fault(book, 10), fault(book, 11)
    assert detect(book) == []
    fault(book, 1)
    assert len(detect(book)) == 1
