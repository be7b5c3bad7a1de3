"""顾客档案."""

import re
from datetime import timedelta

import sqlalchemy as sa

from models.base import (
    Record,
    choice,
    day,
    email,
    integer,
    link,
    longtext,
    moment,
    person,
    phone,
    province,
    text,
    yes_no,
)
from models.conditions import not_referenced, pointing_at
from models.spec import SYSTEM, Condition, Deadline, Kind, Move, RecordType, Series, Text, Workflow, months_after, states


def retained_until(customer, act):
    """The latest date of any record of the customer + the longest retention of those records; of its own file
    if it has none. Asked anew each time: other records do not save their customer."""
    latest, years = _local_day(customer.created_at or act.now, act), 0
    for spec, names_it in () if act.is_history else pointing_at(customer):  # they may not be loaded yet
        stamps = {name for move in spec.workflow.moves for name in move.stamps}
        dated = [field.column for name, field in spec.fields.items()
                 if name in stamps and field.kind in (Kind.DATE, Kind.DATETIME)]
        columns = [sa.func.max(getattr(spec.model, column)) for column in ("created_at", *dated)]
        found = act.session.execute(sa.select(*columns).where(names_it, spec.model.state != "void")).one()
        days = [_local_day(value, act) for value in found if value is not None]
        if days:
            latest, years = max(latest, *days), max(years, spec.retention_years)
    return months_after(latest, 12 * (years or customer.spec.retention_years))


def last_surveyed(customer, act):
    """The day of the latest questionnaire that went out to the customer, as this act leaves it."""
    forms = act.find("satisfaction_questionnaire", customer_id=customer.id) if customer.id else ()
    sent = [form.sent_at for form in forms if form.sent_at and form.state != "void"]
    return _local_day(max(sent), act) if sent else None


def last_contacted(customer, act):
    """The latest contact of which there is a recorded memo; one that was known before is never forgotten."""
    memos = act.find("customer_contact_memo", customer_id=customer.id) if customer.id else ()
    known = [memo.contacted_at for memo in memos if memo.state not in ("draft", "void")]
    return max([*known, *filter(None, [customer.last_contacted_at])], default=None)


def _local_day(value, act):
    return act.local(value).date() if hasattr(value, "hour") else value


def anonymise(customer, act) -> None:
    """What could name the person goes; number, province and industry stay for statistics."""
    for name in (*customer.spec.private, "credit_code", "remark"):
        setattr(customer, name, None)
    customer.name = customer.number


retention_is_over = Condition(
    lambda customer, act: retained_until(customer, act) < act.today,
    Text("保存期限届满后才能匿名化", "Anonymise only after the retention has ended"))


def has_no_twin(customer, act) -> bool:
    """No other file in use has the same name and address; the reason given with the move confirms that there may be."""
    cls = type(customer)
    return bool(act.comment.strip()) or act.session.scalar(sa.select(cls.id).where(
        cls.name == customer.name, cls.address == customer.address, cls.state.in_(("active", "inactive")),
        cls.id != customer.id).limit(1)) is None


TWIN_CONFIRMED = Condition(has_no_twin, Text(
    "已有同名同址的顾客档案；确需另建的，请在“说明”中写明理由",
    "There is a file of the same name and address: give the reason if there really are two"))


class Customer(Record):
    """Kept by production control (sales role) for every customer, so that enquiries, complaints, visits and
    surveys all point at one name, contact and product file."""

    name = text("顾客名称", required=True, group=("顾客", "Customer"))
    customer_type = choice(
        "顾客类别", ("direct_user", "直接用户"), ("trade_dealer", "经销商", "Trading dealer"),
        ("manufacturer", "主机厂", "Vehicle or equipment maker"), ("other", "其他"), required=True)
    contact_person = text("联系人", required=True, private=True, group=("联系方式", "Contact"))
    contact_way = text("联系方式", private=True, help=(
        "首选的联系渠道及其号码：电话、传真、电子邮件、微信",
        "The preferred channel with its address: telephone, fax, e-mail, WeChat"))
    phone = phone("联系电话", required=True, private=True)
    email = email("电子邮箱", origin="P", private=True)
    address = text("公司地址", required=True, private=True)
    province = province("省份", required=True, origin="P", help=(
        "满意度调查按此划分区域", "Also the region by which a survey is drawn"))
    industry = text(
        "行业", origin="P", group=("行业与产品", "Industry and products"),
        help=("满意度调查可按行业抽取", "A survey may be drawn by industry"))
    product_info = longtext("产品相关信息")
    credit_code = text("统一社会信用代码", origin="P", help=(
        "18位，仅单位填写", "18 characters; companies only"))
    is_key_customer = yes_no("重点顾客", "Key customer", default=False, help=(
        "重点顾客按计划走访", "Key customers are visited by plan"))
    account_manager_id = person("业务员", origin="P", group=("服务归属", "Who serves the customer"))
    dealer_id = link("dealer_ledger", "所属服务商", origin="X", help=(
        "为该顾客服务的服务商；服务商只能看到自己服务的顾客",
        "The dealer that serves this customer; sets what a dealer may see"))
    is_in_province = yes_no("省内", "In province", origin="X",
                            derived="province equals the plant province parameter")
    contact_interval_days = integer(
        "联络周期", origin="X", measure="d", minimum=1, default=30,
        group=("联络与调查", "Contact and survey"),
        help=("每周联络填 7，每月联络填 30", "7 or 30: weekly or monthly contact"))
    last_contacted_at = moment("最近联络时间", origin="X",
                               derived="latest contact time of this customer's customer_contact_memo rows")
    contact_due_at = moment("下次联络期限", origin="X",
                            derived="last_contacted_at (else created_at) + contact_interval_days")
    last_surveyed_on = day("最近调查日期", origin="X",
                           derived="latest sent_at of a satisfaction_questionnaire of this customer")
    survey_due_on = day("满意度调查期限", origin="X", derived=(
        "31 December of the year after last_surveyed_on; 31 December of the year of created_at if never "
        "surveyed"))
    consent_basis = choice(
        "个人信息处理依据", ("contract", "履行合同"), ("legal_duty", "法定义务"), ("consent", "本人同意"),
        origin="X", group=("个人信息", "Personal data"))
    retain_until_on = day("保存期限", origin="X", derived=(
        "latest date of any record of this customer + the longest retention of those records"))
    remark = longtext("备注", origin="P")

    def derive(self, act):
        created_at = self.created_at or act.now
        self.is_in_province = self.province == act.parameter("home_province") if self.province else None
        self.last_contacted_at = last_contacted(self, act)
        self.contact_due_at = None
        if self.contact_interval_days is not None:
            last_at = self.last_contacted_at or created_at
            self.contact_due_at = last_at + timedelta(days=self.contact_interval_days)
        surveyed = self.last_surveyed_on = last_surveyed(self, act)
        year = surveyed.year + 1 if surveyed else act.local(created_at).year
        self.survey_due_on = act.today.replace(year=year, month=12, day=31)
        self.retain_until_on = retained_until(self, act)

    def check(self, act):
        if self.credit_code and not re.fullmatch("[0-9A-Z]{18}", self.credit_code):
            yield "credit_code", Text("统一社会信用代码须为18位数字或大写字母，请核对",
                                      "A credit code has 18 digits or capital letters: check it")

    spec = RecordType(
        code="CUS", zh="顾客档案", en="Customer file",
        source="001 §4.1, §5.1.1; 004 §2; 000 §5.2.3, §5.2.4.1; 001 §5.4.1, §5.4.3",
        series=Series("CUS-{n:05}"), title="name", scope={"dealer": "dealer", "appraiser": "dealer"},
        list=("number", "name", "customer_type", "province", "is_key_customer", "account_manager",
              "contact_due_at", "survey_due_on", "state"),
        inline=("customer_type", "is_key_customer", "account_manager"),
        search=("number", "name", "contact_person", "phone", "credit_code"),
        links_in=("hotline_consultation", "phone_dispatch_record", "customer_contact_memo"),
        filters=("state", "customer_type", "province", "industry", "is_key_customer", "account_manager",
                 "dealer", "survey_due_on"),
        retention_years=10, chosen_in=("active",),
        workflow=Workflow(
            states(("draft", "草稿"), ("active", "有效"), ("inactive", "停用"), ("anonymised", "已匿名")),
            moves=(
                Move("activate", "启用", source=("draft",), to="active",
                     by=("sales", "sales_lead", "customer_service", "dispatcher", "dealer", "appraiser"),
                     requires=("name", "contact_person", "phone", "address", "province", "product_info"),
                     when=(TWIN_CONFIRMED,)),
                Move("deactivate", "停用", source=("active",), to="inactive", by=("quality_manager",),
                     comment=True),
                Move("reactivate", "恢复", source=("inactive",), to="active",
                     by=("sales", "sales_lead", "quality_manager")),
                Move("anonymise", "匿名化", source=("inactive",), to="anonymised", by=(SYSTEM,),
                     when=(retention_is_over, not_referenced(open_only=True)), then=anonymise),
            ),
            maintained=("draft", "active")),
        deadlines=(
            # A survey moves the limit on to the next year. Who is still to be surveyed the year-end job tells in one.
            Deadline("yearly_survey", id="SLA-12", limit="survey_due_on", during=("active",)),
            Deadline("contact", id="SLA-13", limit="contact_due_at", holder="account_manager", during=("active",),
                     tell=("quality_engineer", "quality_manager")),
        ),
        access={
            "customer_service": "CEV", "dispatcher": "CEV", "technician": "V", "quality_engineer": "V",
            "quality_manager": "VAX", "sales": "CEVX", "sales_lead": "CEVX", "dealer": "CEv",
            "appraiser": "CEv", "warehouse": "V", "unit": "V", "unit_lead": "V", "deputy_gm": "V",
            "management_representative": "V", "general_manager": "V",
        },
        rules=(
            "BR-02 every saved customer_contact_memo of the customer moves last_contacted_at forward",
            "SLA-03 and SLA-04 take 24 h when is_in_province is true and 48 h when it is false, unless the "
            "case names another site province",
            "SLA-12 coverage of a year = active customers with at least one questionnaire sent in that year "
            "/ active customers",
            "a second customer with the same name and address is allowed only after a warning is confirmed",
            "only an active customer can be chosen on a new record",
            "a key customer must appear in a visit_plan at least once a year",
            "the dispatcher keeps customer files up to date from what the outlets report (002 网点 4); a "
            "dealer or dispatcher may activate the file of a user it serves",
            "BR-30 a dealer lists only the customers it serves and finds any other by full phone number or "
            "VIN",
            "phone, contact person and address are shown masked except to roles with need, and each "
            "unmasking is logged",
            "anonymise blanks every private field and keeps number, province and industry for statistics",
        ),
    )
