"""A clerk's morning with a list in a real browser: chips, columns, a kept view, keys, several at once, on a phone too."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import sqlalchemy as sa
from playwright.sync_api import expect

from rules import records
from rules.act import Act
from tests import valid
from tests.browser.test_screens import PHONE, address, chromium, desk_of, window  # noqa: F401
from tests.valid import TYPES

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
    expect(page.locator(".bulk-button").first).to_be_disabled()   # the script has come
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


ROWS = "顾客名称,类型,联系人,联系电话,公司地址,省份\n" + "".join(
    f"表中顾客{n},{kind},张三,1380000{n:04},某街 {n} 号,重庆市\n" for n, kind in enumerate(("直接用户", "没有的", "主机厂")))


def test_a_clerk_changes_cells_brings_rows_in_and_takes_them_out(app, desk_of):  # noqa: F811
    page = desk_of("sales")
    # a file: its columns are guessed and corrected, checked without being kept, and the good rows come in
    page.goto(f"{LIST}import/?lang=zh")
    page.set_input_files("#import-file", {"name": "顾客.csv", "mimeType": "text/csv", "buffer": ROWS.encode("utf-8-sig")})
    page.get_by_role("button", name="上传").click()
    page.select_option("select#column-1", label="顾客类别")
    page.get_by_role("button", name="检查").click()
    expect(page.locator("main")).to_contain_text("将新建 2 条，更新 0 条；有误 1 行")
    expect(page.locator("#page-problems ~ .table-scroll tbody tr")).to_have_text(re.compile("3.*没有“没有的”这一选项"))
    assert rows_kept(app) == 0
    page.get_by_role("button", name="跳过有误的行").click()
    expect(page.locator("main")).to_contain_text("新建 2 条")
    # cells: by keyboard, row after row; a bad value is told where it was typed, and stays typed
    page.goto(f"{LIST}?q=表中顾客&cols=name,customer_type,contact_person,account_manager,state")
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page.locator(".bulk-button").first).to_be_disabled()   # the script has come
    page.keyboard.press("j")
    page.keyboard.press("e")
    expect(page.locator("td.open select")).to_be_focused()
    page.locator("td.open select").select_option(label="经销商")
    page.keyboard.press("Tab")   # saves, and opens the next one of the row
    expect(page.locator("td.open")).to_have_attribute("data-label", "业务员")
    expect(page.locator("tbody tr").first).to_contain_text("经销商")
    page.locator("td.open select").select_option(label="sales 先生")
    page.keyboard.press("Enter")
    expect(page.locator("td.open")).to_have_count(0)
    expect(page.locator("tbody tr").first.locator("a.cell").last).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("td.open select")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("td.open")).to_have_count(0)
    expect(page.locator("tbody tr").first.locator("a.cell").last).to_have_text("sales 先生")
    # somebody was quicker: what was typed stays, and a second saving has it
    page.locator("tbody tr").last.locator("a.cell").first.click()
    page.locator("td.open select").select_option(label="经销商")
    with valid.desk(app) as session:
        model = TYPES["customer"].model
        oldest = session.scalar(sa.select(model).where(model.name == "表中顾客0"))
        records.edit(Act(session, valid.actor_of(session, "sales_lead")), oldest, oldest.revision, {"remark": "又改"})
    page.keyboard.press("Enter")
    expect(page.locator("td.open .error-text")).to_contain_text("修改")
    expect(page.locator("td.open select option:checked")).to_have_text("经销商")
    page.locator("td.open button").click()
    expect(page.locator("td.open")).to_have_count(0)
    # out again, with what was changed; and the same rows on a phone, in the other language
    with page.expect_download() as download:
        page.get_by_role("link", name="导出 CSV").click()
    text = Path(download.value.path()).read_text(encoding="utf-8-sig")
    assert text.count("经销商") == 2 and text.count("\n") == 3 and download.value.suggested_filename.endswith(".csv")
    phone = desk_of("sales", size=PHONE)
    phone.goto(f"{LIST}?lang=en&q=表中顾客")
    phone.locator("tbody tr").first.locator("a.cell").first.click()
    expect(phone.locator("td.open select")).to_be_focused()
    assert phone.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    phone.get_by_role("link", name="Cancel").click()
    expect(phone.locator("td.open")).to_have_count(0)


def rows_kept(app):
    with valid.desk(app) as session:
        model = TYPES["customer"].model
        return session.scalar(sa.select(sa.func.count()).where(model.name.startswith("表中顾客")))
