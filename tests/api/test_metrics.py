"""The figures for Prometheus: right over all processes, cheap, and closed to whoever has no token for them."""

from __future__ import annotations

import multiprocessing
import os
from datetime import timedelta

import pytest
import sqlalchemy as sa

from api.metrics import kind_of
from jobs import request_counts
from jobs.request_counts import Counts
from models.base import db
from models.history import DeadlineClock, Outbox
from models.people import User
from rules import office, tokens
from rules.access import Actor
from rules.act import Act
from tests import valid
from tests.api.program import code
from tests.casebook import Casebook
from tests.valid import desk

ELSEWHERE = {"REMOTE_ADDR": "10.1.2.3"}


def figures(app, **options):
    """{(name, its labels): value}"""
    from prometheus_client.parser import text_string_to_metric_families
    answer = app.test_client().get("/metrics", **options)
    assert answer.status_code == 200 and answer.content_type.startswith("text/plain; version=0.0.4"), answer.text
    return {(sample.name, *sorted(sample.labels.values())): sample.value
            for family in text_string_to_metric_families(answer.text) for sample in family.samples}


def token(app, username, *verbs):
    with desk(app) as session:
        person = session.scalar(sa.select(User).where(User.username == username))
        return tokens.create(Act(session, Actor.system()), person, tokens.Wish("scraper", verbs=verbs))[1]


@pytest.mark.once
def test_only_programs_of_this_machine_and_tokens_that_name_the_right_get_in(app):
    def knock(bearer=None, client=None, **options):
        headers = {**options.pop("headers", {}), **({"Authorization": f"Bearer {bearer}"} if bearer else {})}
        return (client or app.test_client()).get("/metrics", headers=headers, **options)
    assert knock().status_code == 200 and knock(base_url="http://127.0.0.1:8000").status_code == 200
    boss = Casebook(app).person("administrator").client
    refused = [knock(environ_base=ELSEWHERE), knock(environ_base={"REMOTE_ADDR": ""}),
               knock(base_url="https://aftercare.example.com"), knock(headers={"X-Forwarded-For": "10.1.2.3"}),
               knock(headers={"Forwarded": "for=10.1.2.3"}), knock(client=boss, environ_base=ELSEWHERE)]
    refused += [knock(token(app, *whose), environ_base=where) for where in ({}, ELSEWHERE) for whose in (
        ("administrator",), ("administrator", "read"), ("sales", "metrics"), ("quality_manager", "metrics"))]
    assert [answer.status_code for answer in refused] == [403] * len(refused) and {code(answer) for answer in refused} == {"FORBIDDEN"}
    assert "aftercare_" not in "".join(answer.text for answer in refused)
    assert knock("aft_nobodys").status_code == 401
    good = token(app, "administrator", "metrics")
    assert knock(good, environ_base=ELSEWHERE).status_code == 200
    looks = app.test_client().get("/items/customer", headers={"Authorization": f"Bearer {good}"})
    assert looks.status_code == 403, "it opens nothing else"


def test_they_say_what_waits_what_is_late_and_what_has_failed(app, store):
    before, now = figures(app), office.now()
    assert before["aftercare_part_up", "database"] == 1 and before["aftercare_part_up", "clock"] == 0
    long_ago, gone = now - timedelta(seconds=500), {"created_at": now, "dispatched_at": now}
    rows = [{"created_at": long_ago}, {"created_at": now}, {"created_at": long_ago, "not_before": now + timedelta(hours=1)},
            gone, {**gone, "failed_at": now},
            {**gone, "failed_at": now, "done_at": now}, {"created_at": now, "done_at": now}]
    clocks = [("running", now - timedelta(hours=1)), ("running", now + timedelta(hours=1)), ("running", now + timedelta(hours=2)),
              ("met", now - timedelta(hours=1)), ("paused", now - timedelta(hours=1))]
    with desk(app) as session:
        session.add_all(Outbox(job="report", arguments=[1], **row) for row in rows)
        session.add_all(DeadlineClock(type="quality_info_transfer", record_id=10**6 + n, name="reply", due_at=due, state=state)
                        for n, (state, due) in enumerate(clocks))
    found = figures(app)
    assert {state: found["aftercare_outbox_rows", state] for state in ("waiting", "held_back", "handed_over", "failed")} == {
        "waiting": 2, "held_back": 1, "handed_over": 1, "failed": 1}
    assert [found["aftercare_deadlines", state] - before["aftercare_deadlines", state] for state in ("running", "late")] == [2, 1]
    assert 500 <= found["aftercare_oldest_job_seconds",] < 560 and found["aftercare_queue_jobs",] == 0
    assert found["aftercare_disk_free_bytes",] > 0 and found["aftercare_database_connections", "in_use"] == 1
    from tests.jobs.test_outbox import store_down
    with store_down(app):
        found = figures(app)
    assert found["aftercare_part_up", "queue"] == 0 and ("aftercare_queue_jobs",) not in found


def test_they_cost_the_same_few_statements_whatever_there_is(app):
    def asked():
        said = []
        with app.app_context():
            engine = db.engine
        sa.event.listen(engine, "before_cursor_execute", record := lambda *given: said.append(given[2]))
        figures(app)
        sa.event.remove(engine, "before_cursor_execute", record)
        return [words for words in said if words.startswith("SELECT")]
    before = len(asked())
    with desk(app) as session:
        for name in ("quality_info_transfer", "complaint_case", "work_order", "customer"):
            valid.record(session, name)
        session.add_all(Outbox(job="report", arguments=[n], created_at=office.now()) for n in range(9))
    assert len(asked()) == before <= 7


@pytest.mark.once
def test_requests_are_counted_by_kind_status_and_time_and_nothing_that_people_type_becomes_a_label(app):
    sales = Casebook(app).person("sales")
    before = figures(app)
    for address in ("/admin/customer/", "/admin/customer/?q=1", "/nowhere/1", "/nowhere/2", "/admin/customer/details/?id=99999"):
        sales.get(address)
    found = figures(app)

    def more(*key):
        return found.get(key, 0) - before.get(key, 0)
    assert [more("aftercare_requests_total", *key) for key in (("200", "list"), ("404", "nowhere"), ("404", "record"))] == [2, 2, 1]
    assert more("aftercare_requests_total", "200", "server") == 1, "its own earlier answer"
    assert more("aftercare_request_seconds_count", "list") == more("aftercare_request_seconds_bucket", "+Inf", "list") == 2
    assert 0 < more("aftercare_request_seconds_sum", "list") < 60
    kinds = {kind_of(rule.endpoint, method) for rule in app.url_map.iter_rules() for method in rule.methods}
    assert kinds <= set(request_counts.KINDS)
    assert [rule.endpoint for rule in app.url_map.iter_rules() if kind_of(rule.endpoint, "GET") == "other"] == ["root"]


@pytest.mark.once
def test_what_several_processes_counted_is_one_sum_that_never_falls(tmp_path):
    context, counts = multiprocessing.get_context("fork"), Counts(tmp_path)

    def working(begun, go_on):
        for _ in range(1000):
            counts.count("list", 200, 0.003)
        begun.release()
        go_on.acquire()
        os._exit(0)

    def others(count):
        begun, go_on = context.Semaphore(0), context.Semaphore(0)
        started = [context.Process(target=working, args=(begun, go_on)) for _ in range(count)]
        for process in started:
            process.start()
        for _ in started:
            assert begun.acquire(timeout=20)
        files, [found] = len(list(tmp_path.iterdir())), list(counts.total())
        started.pop().kill()   # one of them without a last word
        for _ in started:
            go_on.release()
        for process in multiprocessing.active_children():
            process.join(20)
        return files, found.statuses["200"], found.durations[0]
    counts.count("list", 200, 7)
    (tmp_path / "0ther-0").write_bytes(b"of another version of the program")
    assert others(2) == (3, 2001, 2000)
    assert others(2) == (3, 4001, 4000), "those that come take over what those left that went"
    assert others(3) == (4, 7001, 7000)
    [found] = counts.total()
    assert found.seconds == 28.0 and sum(found.durations) == found.statuses["200"] == 7001
    counts.count("list", 299, 0)
    assert next(counts.total()).statuses["other"] == 1


@pytest.mark.once
def test_a_folder_that_cannot_be_written_takes_no_answer_away(tmp_path):
    (tmp_path / "taken").write_text("by a file")
    counts = Counts(tmp_path / "taken")
    counts.count("list", 200, 1)
    assert [one.statuses for one in counts.total()] == [{"200": 1}]
