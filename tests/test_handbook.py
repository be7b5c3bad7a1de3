"""The handbook of the record types: written from the declarations, in the repository and as help on each form."""

from __future__ import annotations

from pathlib import Path

import pytest

from rules import handbook
from tests.browser_of_a_person import Person
from tests.valid import TYPES, each_type, roles_with, username

pytestmark = pytest.mark.once

DOCUMENT = Path(__file__).parent.parent / "docs" / "record-types.md"


def test_the_document_is_fresh():
    """Else: flask --app app record-types --markdown > docs/record-types.md"""
    assert DOCUMENT.read_text().rstrip("\n") == "\n".join(handbook.markdown(TYPES)).rstrip("\n")


def test_the_console_prints_it(app):
    printed = app.test_cli_runner().invoke(args=["record-types", "--markdown"])
    assert printed.exit_code == 0 and printed.output.rstrip("\n") == DOCUMENT.read_text().rstrip("\n")


@each_type
def test_each_type_has_its_help_in_both_languages(app, spec):
    who = username(roles_with(spec, "CEVvAK")[0])
    for language in ("zh", "en"):
        page = Person(app, who, language).get(f"/admin/{spec.name}/handbook/")
        assert page.status_code == 200
        shown = page.text.replace("&#39;", "'").replace("&amp;", "&")
        missing = [f.label for f in spec.fields.values() if not f.machine and f.label.in_(language) not in shown]
        assert not missing and all(move.label.in_(language) in page.text for move in spec.workflow.moves)


def test_limits_and_signatures_are_told_in_words():
    notice = TYPES["reward_penalty_notice"]
    assert handbook.signatures(notice).zh == "主管副总 → 总经理（金额 ≥ 100000.00）"
    card = TYPES["info_flow_card"]
    assert handbook.limit_of(card, card.deadlines[0]).en == "24 hours (parameter reply_hours)"
