"""保修时间、维修收费标准与维修承诺."""

from models.base import (
    Line, Record, day, decimal, integer, lines, link, longtext, moment, money, text, yes_no,
)
from models.spec import SIGNER, SYSTEM, Move, RecordType, Series, Step, Workflow, states


class Charge(Line, of="service_price_policy"):
    """收费标准."""

    item_code = text("项目代码", required=True, origin="P")
    item_name = text("项目名称", required=True)
    labour_hours = decimal("工时定额", origin="P", measure="h")
    labour_rate = money("工时单价", origin="P")
    labour_fee = money("工时费", derived="labour_hours x labour_rate")
    part_no = text("配件编码", origin="P")
    part_price = money("配件价格", origin="P")
    is_warranty_covered = yes_no("保修范围内", required=True, default=False)


class MaintenanceItem(Line, of="service_price_policy"):
    """走保项目."""

    item_name = text("走保项目", required=True)
    mileage_from = integer("里程起", origin="P", measure="km")
    mileage_until = integer("里程止", origin="P", measure="km")
    is_mandatory = yes_no("强制", required=True, default=True)
    acceptance_standard = text("检查标准", origin="P")


class ServicePricePolicy(Record):
    """Drafted by customer service and approved by the deputy general manager, so that every charge told
    to a customer and every warranty decision rests on one version in force that day."""

    name = text("名称", required=True, origin="P")
    product_line = text("适用产品", required=True, origin="P")
    version = text("版本", required=True, origin="P")
    controlled_document_id = link("controlled_document", "受控文件", origin="X")
    effective_from_on = day("生效日期", required=True, origin="P")
    # SET_BY supersede
    effective_until_on = day("失效日期", origin="X")
    warranty_months = integer("保修时间", required=True, measure="月")
    warranty_mileage = integer("保修里程", origin="P", measure="km")
    exchange_months = integer("三包有效期", origin="P", measure="月")
    exchange_mileage = integer("三包里程", origin="P", measure="km")
    warranty_conditions = longtext("保修条件", required=True)
    # NOTE applies together with the company's own conditions (002 (5))
    manufacturer_terms = longtext("厂家保修条例")
    exclusions = longtext("不保修情形", origin="P")
    first_service_conditions = longtext("强制走保条件")
    service_promise = longtext("维修承诺", required=True)
    # NOTE repair cost / replacement price from which replacement is advised
    low_value_ratio = decimal("建议更换比例", origin="X", default=0.6)
    # SET_BY approve
    approved_at = moment("批准时间", origin="X")
    remark = longtext("备注", origin="P")
    charges = lines(Charge, "收费标准")
    maintenance_items = lines(MaintenanceItem, "走保项目")

    spec = RecordType(
        code="PPL", zh="保修时间、维修收费标准与维修承诺", en="Warranty terms, service prices and promises", source="002 (3)(5)《产品保修时间,维修收费标准,维修承诺》; 004 §5.3.3, §5.3.4, §6.3《质量保修手册》",
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
                # WHEN effective_from_on is reached
                # THEN supersedes the effective version of the same product_line
                Move("take_effect", "生效", source=("approved",), to="effective", by=(SYSTEM,)),
                # WHEN a later version of the same product_line takes effect
                Move("supersede", "替代", source=("effective",), to="superseded", by=(SYSTEM,),
                    stamps=("effective_until_on",)),
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
