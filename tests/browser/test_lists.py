"""A clerk's morning with a list in a real browser: chips, columns, a kept view, keys, several at once, on a phone too."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests import valid
from tests.browser.test_screens import PHONE, address, chromium, desk_of, window  # noqa: F401

pytestmark = pytest.mark.browser

LIST = "/admin/customer/"


def test_a_clerk_filters_keeps_a_view_and_moves_several(app, desk_of):  # noqa: F811
    with valid.desk(app) as session:
        for n in range(3):
            valid.record(session, "customer", "draft", name=f"新客户{n}", product_info="整车", creator="customer_service")
    page = desk_of("customer_service")
    page.goto(f"{LIST}?lang=zh")
    expect(page.locator('[data-state="draft"]')).to_have_text(re.compile(r"^[1-9]"))   # counted after the page came
    # filters become chips, in the words of the office
    page.keyboard.press("f")
    page.select_option('.filter-fields select[name="created_at"]', "last_7_days")
    page.locator('.several:has(input[name="customer_type"]) summary').click()
    page.locator('.several-choices input[name="customer_type"]').first.check()
    page.locator(".filter-fields button.primary").click()
    expect(page.locator(".chips")).to_contain_text("最近 7 天")
    expect(page).to_have_url(re.compile("created_at=last_7_days"))
    page.locator(".chips .way").first.click()
    expect(page.locator(".chips")).to_contain_text("任一")
    page.goto(f"{LIST}?state=draft&created_at=last_7_days")
    # columns in an order of one's own, kept as a view
    page.locator(".column-panel summary").click()
    page.locator('.column-panel input[name="cols"][value="state"]').scroll_into_view_if_needed()
    page.locator(".column-panel li", has_text="状态").get_by_role("button", name="上移").first.click()
    page.locator('.column-panel input[name="cols"][value="province"]').uncheck()
    page.locator(".column-panel button.primary").click()
    expect(page.locator("thead")).not_to_contain_text("省份")
    page.locator(".keep-view summary").click()
    page.fill("#view-title", "本周新建")
    page.locator(".keep-view button").click()
    page.goto(f"{LIST}?lang=en")
    page.get_by_role("link", name="本周新建").click()
    expect(page.locator(".view-link[aria-current]")).to_have_text("本周新建")
    expect(page.locator(".chips")).to_contain_text("the last 7 days")
    # keys tick the rows; each has its own result
    for key in ("j", "x", "j", "x", "j", "x"):
        page.keyboard.press(key)
    page.get_by_role("button", name=re.compile("With those ticked 3")).click()
    page.locator("details.move summary", has_text="Activate").click()
    page.get_by_role("button", name="Confirm: Activate (3)").click()
    expect(page.locator("main")).to_contain_text("3 done, 0 not")
    # at phone width one card per record, nothing wider than the screen
    phone = desk_of("customer_service", size=PHONE)
    phone.goto(f"{LIST}?lang=zh&created_at=last_7_days&any.state=active&any.province=北京市")
    expect(phone.locator("tbody tr").first).to_have_css("display", "grid")
    expect(phone.locator(".chips")).to_contain_text("或")
    assert phone.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    phone.locator(".filter-panel summary").first.click()
    assert phone.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
