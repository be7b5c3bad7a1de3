"""保修时间、维修收费标准与维修承诺."""

from datetime import timedelta
from decimal import Decimal

from models.base import (
    Line, Record, day, decimal, integer, lines, link, longtext, moment, money, rounded, text, yes_no,
)
from models.spec import SIGNER, SYSTEM, Condition, Move, RecordType, Series, Step, Text, Workflow, states

# Not below what national law gives the owner of a family vehicle: field -> parameter.
AT_LEAST = {"warranty_months": "warranty_months", "warranty_mileage": "warranty_km",
            "exchange_months": "exchange_months", "exchange_mileage": "exchange_km"}


def replace_earlier(policy, act) -> None:
    """One version of a product line is in force on any day: the one before ends the day before, however late the clock."""
    for other in act.find("service_price_policy", product_line=policy.product_line, state="effective"):
        if other is not policy:
            other.effective_until_on = policy.effective_from_on - timedelta(days=1)
            act.make(other, "supersede")


def later_is_due(policy, act) -> bool:
    """Another approved version of the same product line has reached its day."""
    return any(other is not policy and other.effective_from_on <= act.today for other in act.find(
        "service_price_policy", product_line=policy.product_line, state="approved"))


DAY_IS_REACHED = Condition(
    lambda policy, act: policy.effective_from_on <= act.today,
    Text("尚未到生效日期", "The day on which it takes effect is not reached"))
LATER_IS_DUE = Condition(
    later_is_due, Text("没有到期生效的后续版本", "No later version takes effect"))


class Charge(Line, of="service_price_policy"):
    """What a kind of work costs, and whether the warranty covers it."""

    item_code = text("项目代码", required=True, origin="P")
    item_name = text("项目名称", required=True)
    labour_hours = decimal("工时定额", origin="P", measure="h")
    labour_rate = money("工时单价", origin="P")
    labour_fee = money("工时费", derived="labour_hours x labour_rate")
    part_no = text("配件编码", origin="P")
    part_price = money("配件价格", origin="P")
    is_warranty_covered = yes_no("保修范围内", required=True, default=False)


class MaintenanceItem(Line, of="service_price_policy"):
    """What is checked at a maintenance of a mileage."""

    item_name = text("走保项目", required=True)
    mileage_from = integer("里程起", origin="P", measure="km")
    mileage_until = integer("里程止", origin="P", measure="km")
    is_mandatory = yes_no("强制", required=True, default=True)
    acceptance_standard = text("检查标准", origin="P")


class ServicePricePolicy(Record):
    """Drafted by customer service and approved by the deputy general manager, so that every charge told
    to a customer and every warranty decision rests on one version in force that day."""

    keeps_first = ("effective_until_on",)

    name = text("名称", required=True, origin="P", group=("版本", "Version"))
    product_line = text("适用产品", required=True, origin="P")
    version = text("版本", required=True, origin="P")
    controlled_document_id = link("controlled_document", "受控文件", origin="X")
    effective_from_on = day("生效日期", required=True, origin="P")
    effective_until_on = day("失效日期", origin="X")
    warranty_months = integer("保修时间", required=True, measure="月", group=("保修条件", "Warranty terms"))
    warranty_mileage = integer("保修里程", origin="P", measure="km")
    exchange_months = integer("三包有效期", origin="P", measure="月")
    exchange_mileage = integer("三包里程", origin="P", measure="km")
    warranty_conditions = longtext("保修条件", required=True)
    manufacturer_terms = longtext("厂家保修条例", help=(
        "与本厂自定条件一并适用", "Applies together with the company's own conditions"))
    exclusions = longtext("不保修情形", origin="P")
    first_service_conditions = longtext("强制走保条件")
    service_promise = longtext("维修承诺", required=True, group=("维修与承诺", "Repair and promises"))
    low_value_ratio = decimal("建议更换比例", origin="X", default=Decimal("0.6"), help=(
        "维修费用与更换价格之比达到此值，建议更换", "From this share of the replacement price on, replacement is advised"))
    approved_at = moment("批准时间", origin="X")
    remark = longtext("备注", origin="P")
    charges = lines(Charge, "收费标准")
    maintenance_items = lines(MaintenanceItem, "走保项目")

    def derive(self, act):
        for row in self.charges:
            is_known = row.labour_hours is not None and row.labour_rate is not None
            row.labour_fee = rounded(row.labour_hours * row.labour_rate) if is_known else None

    def check(self, act):
        seen = set()
        for n, row in enumerate(self.charges):
            if row.item_code in seen:
                yield f"charges-{n}-item_code", Text("同一版本中项目代码不能重复", "An item code appears once in a version")
            seen.add(row.item_code)
        for n, row in enumerate(self.maintenance_items):
            if row.mileage_from is not None and row.mileage_until is not None and row.mileage_until < row.mileage_from:
                yield f"maintenance_items-{n}-mileage_until", Text("里程止不能小于里程起", "It cannot end before it begins")
        if act.is_history:
            return
        for name, parameter in AT_LEAST.items():
            least, value = act.parameter(parameter), getattr(self, name)
            if value is not None and value < least:
                yield name, Text(f"不能低于国家规定的 {least}", f"Not below the {least} of national law")
        if act.move and act.move.name == "approve" and self.effective_from_on < act.today:
            yield "effective_from_on", Text("生效日期不能早于批准日期", "It cannot take effect before it is approved")
        if act.move and act.move.name in ("submit", "approve") and self._begins_with_another(act):
            yield "effective_from_on", Text("同一产品已有同日生效的版本", "Another version of the product begins on this day")

    def _begins_with_another(self, act):
        same = act.find("service_price_policy", product_line=self.product_line, effective_from_on=self.effective_from_on)
        return any(row is not self and row.state in ("approved", "effective") for row in same)

    spec = RecordType(
        code="PPL", zh="保修时间、维修收费标准与维修承诺", en="Warranty terms, service prices and promises",
        source="002 (3)(5)《产品保修时间,维修收费标准,维修承诺》; 004 §5.3.3, §5.3.4, §6.3《质量保修手册》",
        series=Series("PPL-{yyyy}-{n:03}"),
        title="name",
        list=("number", "name", "product_line", "version", "effective_from_on", "effective_until_on",
              "warranty_months", "state"),
        search=("number", "name", "product_line", "version"),
        filters=("state", "product_line", "effective_from_on"),
        retention_years=10,
        workflow=Workflow(
            states(("draft", "草稿"), ("in_approval", "审批中"), ("approved", "已批准"), ("effective", "生效"),
                ("superseded", "已替代")),
            moves=(
                Move("submit", "提交", source=("draft",), to="in_approval", by=("customer_service",),
                    requires=("warranty_months", "warranty_conditions", "service_promise", "effective_from_on", "charges"),
                    opens_round=True),
                Move("approve", "批准", source=("in_approval",), to="approved", by=(SIGNER,),
                    stamps=("approved_at",), signs=True),
                Move("send_back", "退回", source=("in_approval",), to="draft", by=(SIGNER,), comment=True,
                    signs=True),
                Move("take_effect", "生效", source=("approved",), to="effective", by=(SYSTEM,),
                    when=(DAY_IS_REACHED,), then=replace_earlier),
                Move("supersede", "替代", source=("effective",), to="superseded", by=(SYSTEM,),
                    stamps=("effective_until_on",), when=(LATER_IS_DUE,)),
            ),
            approval=(Step("deputy_gm"),),
        ),
        access={
            "customer_service": "CEVX", "dispatcher": "V", "technician": "V", "quality_manager": "V",
            "dealer": "V", "appraiser": "V", "finance": "V", "deputy_gm": "AV",
        },
        rules=(
            "exactly one version per product_line is effective on any date",
            "an approved, effective or superseded version cannot be edited; a change is a new version",
            "BR-08 a charge told to a customer outside warranty names the policy version and item it "
            "was taken from",
            "BR-09 when repair cost / replacement price >= low_value_ratio, replacement is advised and "
            "the customer's decision recorded",
            "BR-31 warranty_months and warranty_mileage are not below 36 months and 60000 km, "
            "exchange_months and exchange_mileage not below 24 months and 50000 km, for family "
            "vehicles; a missed first service is no exclusion by itself",
            "item_code is unique within one version",
            "effective_from_on is not before the approval date",
        ),
    )
