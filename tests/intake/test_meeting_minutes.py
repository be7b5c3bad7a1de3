"""Minutes of customer meetings: opinions of customers who were there, and actions followed until all are done."""

from __future__ import annotations

from datetime import date

import pytest

from tests.casebook import Casebook, at, done, refused

MINUTES = "customer_meeting_minutes"


@pytest.fixture
def book(app):
    return Casebook(app)


def minutes(book, **changes):
    customer = book.id("customer", name="客户A")
    return {
        "meeting_kind": "user_symposium", "held_at": "2024-11-05T09:00", "place": "会议室", "topic": "用户座谈",
        "attendees-0-person_name": "张三", "attendees-0-customer": customer, "opinions-0-customer": customer,
        "opinions-0-aspect": "packaging", "opinions-0-opinion": "包装易破",
        **action(book, 0, "2024-12-20"), **action(book, 1, "2024-12-10"), **changes}


def action(book, n, due_on):
    return {f"actions-{n}-action": "改进包装", f"actions-{n}-handler": book.user("unit"), f"actions-{n}-due_on": due_on}


def issued(book, **changes):
    id_ = book.person("sales").create(MINUTES, minutes(book, **changes))
    done(book.person("sales").move(MINUTES, id_, "issue"))
    return id_


def test_minutes_need_a_customer_and_what_they_said(book):
    sales = book.person("sales")
    id_ = sales.create(MINUTES, minutes(book, **{"attendees-0-customer": ""}))
    refused(sales.move(MINUTES, id_, "issue"), "参加人中至少一人须注明顾客")
    silent = {name: value for name, value in minutes(book).items() if not name.startswith("opinions")}
    answer = sales.move(MINUTES, sales.create(MINUTES, silent), "issue")
    assert answer.status_code == 422 and "发布前请填写“顾客意见”" in answer.text


@pytest.mark.parametrize("missing, sentence", [("handler", "请填写“责任人”"), ("due_on", "请填写“期限”")])
def test_every_action_has_somebody_and_a_day(book, missing, sentence):
    refused(book.person("sales").post(f"/admin/{MINUTES}/new/", minutes(book, **{f"actions-0-{missing}": ""})), sentence, 422)


def test_the_earliest_open_action_is_the_one_that_is_due(book):
    id_, sales = issued(book), book.person("sales")
    assert book.read(MINUTES, id_).next_action_due_on == date(2024, 12, 10)
    assert book.clock(MINUTES, id_, "actions") == ("running", at("2024-12-10 23:59:59"))
    done(sales.edit(MINUTES, id_, **{"actions-1-done_on": "2024-12-09"}))
    assert book.read(MINUTES, id_).next_action_due_on == date(2024, 12, 20)


def test_minutes_close_once_every_action_is_done_and_its_result_known(book):
    id_, sales, manager = issued(book), book.person("sales"), book.person("quality_manager")
    refused(manager.move(MINUTES, id_, "close"), "“行动项”每行须填写“完成日期”")
    done(sales.edit(MINUTES, id_, **{f"actions-{n}-done_on": "2024-12-09" for n in (0, 1)}))
    refused(manager.move(MINUTES, id_, "close"), "“行动项”每行须填写“完成情况”")
    done(book.person("quality_engineer").edit(MINUTES, id_, **{f"actions-{n}-result_text": "已改" for n in (0, 1)}))
    refused(sales.move(MINUTES, id_, "close"), "“关闭”由质量负责人办理")
    done(manager.move(MINUTES, id_, "close"))
    assert book.read(MINUTES, id_).closed_at is not None


def test_of_issued_minutes_only_the_actions_are_kept_up_to_date(book):
    id_, sales = issued(book), book.person("sales")
    for changed in ({"resolution": "另议"}, {"opinions-0-opinion": "满意"}, {"attendees-0-person_name": "李四"}):
        refused(sales.edit(MINUTES, id_, **changed), "已发布的纪要只跟踪行动项", 422)
    refused(book.person("quality_manager").move(MINUTES, id_, "send_back"), "请填写原因", 422)
    done(book.person("quality_manager").move(MINUTES, id_, "send_back", comment="决议有误"))
    assert book.read(MINUTES, id_).issued_at is None and book.clock(MINUTES, id_, "actions") is None
    done(sales.edit(MINUTES, id_, resolution="另议"))
