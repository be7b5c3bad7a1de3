"""Every door of the application, tried by everybody: what is not declared open is closed, and no page breaks a rule
that holds for all pages."""

from __future__ import annotations

import io
import re

import pytest
import sqlalchemy as sa

from models.base import Record
from models.reports import ReportRun
from models.spec import ADMINISTRATOR, ROLES
from rules import attachments, comments, office
from rules.access import Actor
from rules.act import Act
from tests import reading, valid
from tests.browser_of_a_person import Person
from tests.valid import TYPES, desk

pytestmark = pytest.mark.once

NOBODY = "signed out"
TO_SIGN_IN, CLOSED, GONE, NO_SUCH_WAY = "to sign-in", 403, 404, 405
each_person = pytest.mark.parametrize("role", [*ROLES, NOBODY])
OWN_PAGES = ("admin.index", "reports.index", "kpis.index", "inbox.index", "delegations.index", "notices.index", "search.index",
             "exports.index")
OF_ALL_ROWS = ("index", "choices", "handbook", "summary", "keep_view", "bulk")
SIGNING = ("inbox.one", "inbox.sign", "delegations.index", "delegations.end")
ADMINISTRATION = ("parameters.index", "people.index", "people.new", "people.person", "units.index",
                  "areas.index", "calendar.index", "jobs.index", "standing.index", "webhooks.index")
# What is asked for here is not there: another person's notice, a list that nobody proposed.
NOT_THERE = {"kpis.one": GONE, "exports.file": GONE, "exports.standing": GONE,
             "notices.read": GONE, "notices.read_all": GONE, "notices.choose": "to /admin/notices/"}
KEEPERS = ("quality_manager", ADMINISTRATOR)
OUR_OWN = ("admin", "reports", "kpis", "inbox", "delegations", "notices", "exports", "search", "retention", "parameters", "people",
           "units", "areas", "calendar", "jobs", "standing", "tokens", "webhooks")


# What is declared -------------------------------------------------------------------------------------------------

def expected(endpoint, method, role, records):
    """The answer that the declarations promise to this person at this door; None: this door is not known."""
    view, _, name = endpoint.rpartition(".")
    if name == "static":
        return GONE  # the walk asks for a file that is not there
    if endpoint == "root":
        return "to /admin/"
    if endpoint in ("health.ping", "health.whole"):
        return 503 if name == "whole" else 200
    if endpoint == "metrics.look":   # the walk asks on this machine; from elsewhere: tests/api/test_metrics.py
        return 200
    if endpoint == "sign_in.sign_in":
        return _sign_in(method, role)
    if endpoint == "sign_in.sign_out":
        return 401 if role == NOBODY else TO_SIGN_IN
    if endpoint in ("auth.login", "auth.refresh", "auth.logout"):
        return 400   # open to everybody; the walk sends no JSON
    if role == NOBODY:
        return TO_SIGN_IN if view in (*TYPES, *OUR_OWN) else None
    if endpoint in SIGNING and method == "POST":   # nothing is chosen, and there is no signature 1
        return GONE if name in ("one", "end") else 422
    if endpoint == "inbox.one":
        return GONE
    if endpoint in OWN_PAGES:
        return 200
    if endpoint in ADMINISTRATION:
        return CLOSED if role != ADMINISTRATOR else 200 if method == "GET" else 422
    if endpoint in NOT_THERE:
        return NOT_THERE[endpoint]
    if view == "jobs":
        return CLOSED if role != ADMINISTRATOR else GONE
    if view == "tokens":
        return _token(name, method, role)
    if view == "webhooks":
        return CLOSED if role != ADMINISTRATOR else GONE
    if view == "retention":
        return _retention(name, role)
    if view == "reports":
        return _report(name, role)
    return _of_type(TYPES[view], name, method, role, records[view]) if view in TYPES else None


def _sign_in(method, role):
    if method == "GET":
        return 200 if role == NOBODY else "to /admin/"
    return 422


def _token(name, method, role):
    """The walk meets no token; nothing is entered."""
    if name == "accounts":
        return 422 if role == ADMINISTRATOR else CLOSED
    return GONE if name == "revoke" else 200 if method == "GET" else 422


def _retention(name, role):
    """The walk meets no list; a hold on nothing is refused as a form."""
    if role not in KEEPERS:
        return CLOSED
    if name == "propose":
        return "to /admin/retention/" if role == ADMINISTRATOR else CLOSED
    return {"index": 200, "hold": 422}.get(name, GONE)


def _report(name, role):
    sees = valid.sees(TYPES["quality_info_summary"], role)
    asks = sees and "C" in TYPES["quality_info_summary"].access.get(role, "")
    return {"ask": 422 if asks else CLOSED,
            "run": 200 if sees else GONE, "run_json": 200 if sees else GONE,
            "cancel": "to /admin/reports/runs/1" if asks else CLOSED if sees else GONE}.get(name)


def _of_type(spec, name, method, role, row):
    """The door needs a letter; what the row itself asks comes after."""
    given = spec.access.get(role, "")
    writes = "C" in given and not spec.compiled
    if name == "new":
        return CLOSED if not writes else 200 if method == "GET" else 422
    if name == "figures":   # of a new form; of a record: tests/test_figures.py
        return 200 if writes else CLOSED
    if name in ("export_csv", "export_xlsx", "export_json"):
        return 200 if "X" in given else CLOSED
    if name == "workbook":   # the walk names no record: it would typeset for minutes
        return GONE if "X" in given else CLOSED
    if name.startswith("import_"):   # nobody has brought a file yet
        return CLOSED if not writes else {"import_template": 200, "import_new": 200 if method == "GET" else 422}.get(name, GONE)
    if not valid.sees(spec, role):
        return CLOSED
    if not valid.sees(spec, role, state=row["state"]) and name not in OF_ALL_ROWS:
        return GONE   # not shown to them as long as it is in this state
    if name == "edit":
        return CLOSED if not edits(spec, role, row["state"]) else 200 if method == "GET" else 409
    if name == "cell":
        is_offered = spec.inline and "E" in given
        return GONE if not is_offered else CLOSED if not edits(spec, role, row["state"]) else 200 if method == "GET" else 409
    if name == "uncover":
        may = spec.holds_private and not {"C", "E"} & set(given) and "V" in spec.letters(role)
        return 422 if may else CLOSED
    # A move without the revision that was seen is refused as out of date; the line that is acknowledged is nobody's.
    if name in ("attach", "detach", "attachment"):
        return _file(spec, name, role, row["state"])
    # There is nothing said, and the other comment is not theirs.
    return {"index": 200, "details": 200, "paper": GONE, "choices": 200, "people": 200, "chain": 200, "move": 409,
            "acknowledge": CLOSED, "handbook": 200, "comment": 422, "withdraw": CLOSED,
            "summary": 200, "keep_view": 422, "drop_view": GONE, "bulk": 422}.get(name)


def _file(spec, name, role, state):
    """A file of somebody else on the record: to look at it, to take it away, and to add none."""
    if name == "attachment":
        return 200 if not spec.holds_private or {"C", "E"} & set(spec.access.get(role, "")) else CLOSED
    if name == "detach":
        return "to the record" if edits(spec, role, state) else CLOSED
    moves = [move for move in spec.workflow.moves_from(state) if not move.calls_off]
    adds = edits(spec, role, state) or any(valid.makes(spec, move, state, role) for move in moves)
    return 422 if adds else CLOSED


def edits(spec, role, state):
    """Letter E, and a living file or the own step; the records of the walk were written by nobody who asks."""
    step = [word for move in spec.workflow.moves_from(state) if not move.calls_off for word in move.by]
    return "E" in spec.access.get(role, "") and "signer" not in step and (
        state in spec.workflow.maintained or role in step)


# The walk ---------------------------------------------------------------------------------------------------------

class Walk:
    """One person at every door: a record of each type within their own scope stands behind it."""

    def __init__(self, app, role):
        self.app, self.role = app, role
        self.records, self.run = _furnish(app, role)
        if role == NOBODY:
            self.client = app.test_client()
            page = self.client.get("/sign-in").text
            self.token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)[1]
        else:
            person = Person(app, valid.username(role))
            self.client, self.token = person.client, person.token()

    def doors(self):
        """(rule, method, address); signing out comes last."""
        rules = sorted(self.app.url_map.iter_rules(), key=lambda r: (r.endpoint == "sign_in.sign_out", r.endpoint))
        for rule in rules:
            if rule.endpoint.startswith("api."):   # programs knock elsewhere: tests/api/test_who_may.py
                continue
            for method in sorted(rule.methods & {"GET", "POST", "PUT", "PATCH", "DELETE"}):
                yield rule, method, self.address(rule)

    def address(self, rule):
        view, _, name = rule.endpoint.rpartition(".")
        row = self.records.get(view, {"id": 1, "move": ""})
        if view in ("reports", "kpis"):   # there is no figure of that name
            values = {"id_": self.run, "name": "quality_info_summary"}
        else:
            values = {"id_": row["id"], "name": "seal_audit" if view == "jobs" else row["move"], "line_id": 10**6,
                      "filename": "no-such-file", "file_id": row.get("file", 1), "comment_id": row.get("comment", 1),
                      "what": "retry" if "failed" in rule.rule else "off" if view == "webhooks" else "run", "decision": "approve"}
        if name == "cell":
            values["name"] = next(iter(TYPES[view].inline), "no_such_field")
        address = re.sub(r"<(?:[^<>]+:)?(\w+)>", lambda place: str(values[place[1]]), rule.rule)
        if name in ("details", "edit"):
            address += f"?id={row['id']}"
        return f"{address}?field=state" if name == "choices" else address

    def open(self, method, address, *, token=True):
        data = {"csrf_token": self.token} if token and method != "GET" else {}
        return self.client.open(address, method=method, data=data, buffered=True)


def _furnish(app, role=None):
    """One record per type in its first state, within the scope of the role, and a report run."""
    found = {}
    with desk(app) as session:
        for name, spec in TYPES.items():
            row = valid.record(session, name, role=role if role in ROLES else None)
            act = Act(session, Actor.system())
            attachments.add(act, row, [attachments.take_in(io.BytesIO(name.encode()), "note.txt", 1)])
            found[name] = {"id": row.id, "state": row.state, "move": spec.workflow.moves_from(row.state)[0].name,
                           "file": attachments.of(session, row)[0].file.id,
                           "comment": comments.say(act, row, "by nobody who asks").comment.id}
        run = ReportRun(report="quality_info_summary", period="2026-09", scope="", state="queued",
                        asked_at=office.now())
        session.add(run)
        session.flush()
        return found, run.id


def came_to(answer):
    """The answer in the words of `expected`."""
    if answer.status_code == 302:
        where = answer.location.partition("?")[0]
        return TO_SIGN_IN if where == "/sign-in" else "to the record" if where.endswith("/details/") else f"to {where}"
    return answer.status_code


@each_person
def test_every_door_opens_for_whom_it_is_declared_and_for_nobody_else(app, queue_store, role):
    walk, wrong = Walk(app, role), []
    for rule, method, address in walk.doors():
        try:
            answer = walk.open(method, address)
        except Exception as bug:
            wrong.append(f"{method} {address}: {bug!r}")
            continue
        wanted, got = expected(rule.endpoint, method, role, walk.records), came_to(answer)
        if wanted is None and got not in (CLOSED, GONE, TO_SIGN_IN):
            wrong.append(f"{method} {rule.rule} is open ({got}) and declared nowhere")
        if wanted is not None and got != wanted:
            wrong.append(f"{method} {address}: {got}, declared {wanted}")
        wrong += [f"{method} {address}: {fault}" for fault in _faults(answer)]
    assert not wrong, "\n".join(wrong)


def _faults(answer):
    """What is wrong with a page whoever asked for it."""
    policy = answer.headers.get("Content-Security-Policy", "")
    if answer.mimetype == "text/plain" and "attachment" in answer.headers.get("Content-Disposition", ""):
        if "default-src 'none'" not in policy or "sandbox" not in policy:
            yield f"a file with Content-Security-Policy: {policy!r}"
    elif "default-src 'self'" not in policy or "unsafe-inline" in policy or "unsafe-eval" in policy:
        yield f"Content-Security-Policy: {policy!r}"
    if answer.status_code == 500:
        yield "500"
    if answer.mimetype == "text/html" and answer.status_code != 302:
        yield from reading.faults_of(answer.text)


@pytest.mark.parametrize("role", ["quality_manager", ADMINISTRATOR, NOBODY])
def test_nothing_is_sent_without_the_token_of_the_session(app, role):
    walk = Walk(app, role)
    doors = [(rule, method, address) for rule, method, address in walk.doors() if method != "GET"]
    assert len(doors) > 4 * len(TYPES)
    for _, method, address in doors:
        answer = walk.open(method, address, token=False)
        assert answer.status_code == 400, f"{method} {address}: {answer.status_code}"
        assert not list(_faults(answer)), address
        assert walk.client.open(address, method=method, data={"csrf_token": "forged"}).status_code == 400


@pytest.mark.parametrize("role", ["customer_service", NOBODY])
def test_an_address_that_does_not_exist_says_so_without_breaking(app, role):
    walk = Walk(app, role)
    for address in ("/admin/no-such-type/", "/admin/customer/details/", "/admin/customer/details/?id=x", "/nowhere",
                    "/admin/customer/details/?id=999999999999999999999", "/admin/customer/details/?id=999999",
                    "/admin/customer/choices/?field=no_such", "/admin/customer/%00/"):
        answer = walk.open("GET", address)
        assert came_to(answer) in ({GONE} if role != NOBODY else {GONE, TO_SIGN_IN}), address
        assert not list(_faults(answer)), address


def test_a_question_that_makes_no_sense_is_answered_with_a_sentence(app):
    person = Person(app, "customer_service")
    for query in ("state=x", "created_at=x", "created_at__from=2026-13-45", "no_such=1", "state__from=draft", "q=%25",
                  "sort=x", "page=0", "page=-1", "page=99999999999999999999", "page=x", "q=" + "长" * 5000,
                  "customer_type=%27", "dealer=x", "is_key_customer=x", "created_by=99999999999999999999"):
        answer = person.get(f"/admin/customer/?{query}")
        assert answer.status_code in (200, 400), query
        assert not list(_faults(answer)), query


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_page_of_a_refusal_keeps_the_rules_of_pages(app, language):
    """Forms with all their errors, the page of a conflict, a refused move: the pages that a walk does not reach."""
    records, _ = _furnish(app)
    for name, spec in TYPES.items():
        with desk(app) as session:
            role = valid.roles_with(spec, "E")[0]
            id_ = valid.record(session, name, creator=valid.username(role)).id if "id" not in spec.scope.values() \
                else records[name]["id"]
        person = Person(app, valid.username(role), language)
        emptied = {"revision": person.revision(name, id_), **dict.fromkeys(valid.required(spec), "")}
        answers = [person.post(f"/admin/{name}/edit/?id={id_}", form) for form in ({"revision": 0}, emptied)]
        answers += [person.move(name, id_, move.name) for move in spec.workflow.moves_from(records[name]["state"])]
        if not spec.compiled:
            assert {409, 422} <= {answer.status_code for answer in answers[:2]}, name
        for answer in answers:
            assert not list(_faults(answer)), (name, answer.request.path)


def test_the_session_of_somebody_who_lost_a_role_ends(app):
    person = Person(app, "sales")
    assert person.get("/admin/customer/").status_code == 200
    with desk(app) as session:
        from models.people import User
        session.scalar(sa.select(User).where(User.username == "sales")).session_epoch += 1
    assert came_to(person.get("/admin/customer/")) == TO_SIGN_IN


def test_the_walk_meets_every_type():
    assert set(TYPES) == set(Record.types)
