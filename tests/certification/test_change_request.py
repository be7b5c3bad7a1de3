"""Changes of the certified organisation, or of what it is certified by, until the certificate is updated."""

from __future__ import annotations

import pytest

from tests import valid
from tests.casebook import Casebook, done, refused

REQUEST, PLAN = "certification_change_request", "evaluation_plan"
SYSTEM_CHANGE = {"initiated_by": "organisation", "change_types": ["service_system"]}


@pytest.fixture
def book(app):
    return Casebook(app)


def form(book, **changes):
    return {
        **SYSTEM_CHANGE, "certificate_no": "C-1", "change_reason": "重组", "effective_on": "2026-12-01",
        "handler": book.user("quality_manager"), "changes-0-item": "organisation_structure", "changes-0-before_text": "三部",
        "changes-0-after_text": "四部", **changes}


def request(book, state, item="organisation_structure", **given):
    with valid.desk(book.app) as session:
        return valid.record(session, REQUEST, state, **{**SYSTEM_CHANGE, **given}, changes=[
            {"item": item, "before_text": "旧", "after_text": "新"}]).id


def test_a_request_from_the_filing_to_the_new_certificate(book):
    manager, evaluator = book.person("quality_manager"), book.person("evaluator")
    id_ = manager.create(REQUEST, form(book, is_onsite_needed="true"))
    done(manager.move(REQUEST, id_, "submit"))
    refused(evaluator.move(REQUEST, id_, "assess", impact_assessment="有影响"), "不能评价影响")
    done(book.person("management_representative").move(REQUEST, id_, "approve"))
    done(evaluator.move(REQUEST, id_, "assess", impact_assessment="有影响"))
    refused(evaluator.move(REQUEST, id_, "confirm", conclusion="refuse"), "不予变更的请用“不予变更”")
    refused(evaluator.move(REQUEST, id_, "confirm", conclusion="both"), "须有本申请的评价计划已实施")
    with valid.desk(book.app) as session:
        valid.record(session, PLAN, "executed", certification_change_request=str(id_))
    done(evaluator.move(REQUEST, id_, "confirm", conclusion="both"))
    refused(manager.move(REQUEST, id_, "complete"), "请填写证书更新日期")
    done(manager.edit(REQUEST, id_, certificate_updated_on="2026-12-20"))
    refused(manager.move(REQUEST, id_, "complete"), "请填写其他措施")
    done(manager.edit(REQUEST, id_, other_measures="增加监督评价"))
    done(manager.move(REQUEST, id_, "complete"))
    assert book.state(REQUEST, id_) == "completed"


@pytest.mark.parametrize(("changes", "sentence"), [
    ({"change_types": ["certification_basis"]}, "变更类别与变更方不符"),
    ({"initiated_by": "body"}, "变更类别与变更方不符"), ({"changes-0-after_text": "三部 "}, "变更前后内容相同")])
def test_a_change_that_cannot_be_is_refused(book, changes, sentence):
    refused(book.person("quality_manager").post(f"/admin/{REQUEST}/new/", form(book, **changes)), sentence, 422)


@pytest.mark.parametrize(("changes", "sentence"), [
    ({"change_types": ["certificate_information"], "changes-0-item": "address"}, "并上传证明文件"),
    ({"initiated_by": "body", "change_types": ["certification_basis"]}, "请先填写“通知方式”"),
    ({"initiated_by": "body", "change_types": ["certification_basis"], "notice_method": "document", "transition_plan": "分批"},
     "请先填写“转换期限”")])
def test_what_a_request_lacks_keeps_it_from_being_filed(book, changes, sentence):
    id_ = book.person("quality_manager").create(REQUEST, form(book, **changes))
    refused(book.person("quality_manager").move(REQUEST, id_, "submit"), sentence)


@pytest.mark.parametrize(("item", "is_on_the_certificate"), [
    ("registered_name", True), ("address", True), ("organisation_structure", False)])
def test_name_and_address_are_always_updated_on_the_certificate(book, item, is_on_the_certificate):
    id_, evaluator = request(book, "impact_assessed", item), book.person("evaluator")
    answer = evaluator.move(REQUEST, id_, "confirm", conclusion="other_measures")
    if is_on_the_certificate:
        refused(answer, "名称或地址变更须更新证书")
    else:
        done(answer)


def test_a_request_is_rejected_as_what_it_is(book):
    id_, evaluator = request(book, "submitted"), book.person("evaluator")
    refused(evaluator.move(REQUEST, id_, "reject", conclusion="both", comment="不符"), "须为：不予变更")
    done(evaluator.move(REQUEST, id_, "reject", conclusion="refuse", comment="不符"))


def test_a_change_of_the_bodys_has_its_notice_plan_and_term(book):
    given = {"initiated_by": "body", "change_types": ["certification_basis"], "notice_method": "document"}
    manager = book.person("quality_manager")
    id_ = manager.create(REQUEST, form(book, **given, transition_due_on="2027-06-30"))
    refused(manager.move(REQUEST, id_, "submit"), "请先填写“认证转换计划”")
    done(manager.edit(REQUEST, id_, transition_plan="分批"))
    done(manager.move(REQUEST, id_, "submit"))
    assert book.clock(REQUEST, id_, "transition") is not None
