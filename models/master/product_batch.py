"""产品批次档案."""

import sqlalchemy as sa

from models.base import Line, Record, day, decimal, integer, lines, link, longtext, text, unit, yes_no
from models.conditions import not_referenced
from models.spec import Move, RecordType, Series, Text, Workflow, months_after, states


def fill_from_batch(record, act, names) -> None:
    """For the `derive` of a record about a batch: what is still empty is filled; when another batch is chosen, what was
    not typed anew follows it."""
    batch = act.get("product_batch", record.product_batch_id)
    if batch is None:
        return
    kept = sa.inspect(record).attrs
    is_another = any(kept.product_batch_id.history.deleted or ())
    for name in names:
        if not getattr(record, name) or (is_another and not kept[name].history.has_changes()):
            setattr(record, name, getattr(batch, name))


class Delivery(Line, of="product_batch"):
    """A customer who got some of the batch, and what was learnt at that customer's line."""

    customer_id = link("customer", "顾客", required=True)
    delivered_on = day("交付日期", required=True, origin="X")
    quantity = decimal("数量", origin="X")
    info_flow_card_id = link("info_flow_card", "信息流转卡", help=(
        "到该顾客生产现场了解本批质量时填写的卡", "The site card of this customer and batch"))


class ProductBatch(Record):
    """Kept by quality and the production units for every batch made, so that a complaint or quality message
    can be traced to product, date, place and shift, and its validity be checked."""

    product_name = text("产品名称(段别)", "Product name (segment)", required=True, group=("产品", "Product"))
    model = text("型号")
    specification = text("规格")
    part_no = text("料号")
    batch_no = text("批号", required=True)
    produced_on = day("生产日期", required=True, group=("生产", "Production"))
    production_site = text("生产点")
    production_unit = unit("生产单位", required=True, help=(
        "生产本批的子(分)公司或部门", "The subsidiary or department that made it"))
    shift = text("机班别")
    operator = text("生产人员")
    shelf_life_months = integer(
        "保质期", "Shelf life", measure="月", minimum=1, group=("有效期", "Validity"),
        help=("不填表示没有有效期限制", "Empty: no validity limit"))
    expires_on = day("有效期至", origin="X", help=("当天仍有效", "Still valid on this day"), derived=(
        "produced_on + shelf_life_months; empty when there is no shelf life; the last day still counts as "
        "valid"))
    quantity = decimal("数量", origin="P", group=("数量与检验", "Quantity and inspection"))
    unit_of_measure = text("计量单位", origin="P")
    standard = text("执行标准", origin="P")
    inspection_no = text("出厂检验号", origin="P")
    is_regulated = yes_no("公安管控物品", "Regulated goods", default=False, help=(
        "退货和销毁须按公安部门规定办理手续", "Return and destruction follow the police rules"))
    display_name = text("显示名", length=403, origin="X", derived="product_name + ' / ' + batch_no")
    remark = longtext("备注", origin="P")
    deliveries = lines(Delivery, "交付顾客")

    def derive(self, act):
        self.display_name = " / ".join(part for part in (self.product_name, self.batch_no) if part)
        self.expires_on = None
        if self.produced_on and self.shelf_life_months:
            self.expires_on = months_after(self.produced_on, self.shelf_life_months)

    def check(self, act):
        if self.produced_on and self.produced_on > act.today:
            yield "produced_on", Text("生产日期不能晚于今天", "The production date cannot be in the future")
        for n, delivery in enumerate(self.deliveries):
            card = delivery.info_flow_card_id and act.get("info_flow_card", delivery.info_flow_card_id)
            found = card and (card.source, card.customer_id, card.product_batch_id)
            if card and found != ("site_visit", delivery.customer_id, self.id):
                yield f"deliveries-{n}-info_flow_card", Text(
                    "请选择该顾客生产现场、本批次的信息流转卡",
                    "Choose a card from this customer's site about this batch")

    spec = RecordType(
        code="PRD", zh="产品批次档案", en="Product batch",
        source="003 三(一), 三(三)4, 三(三)6; 002 七1(1), 七4(2); 000 §5.2.1 c)",
        series=Series("PRD-{n:06}"), title="display_name",
        list=("number", "product_name", "model", "batch_no", "produced_on", "production_unit", "expires_on",
              "state"),
        inline=("product_name", "model"),
        search=("number", "product_name", "model", "part_no", "batch_no"),
        filters=("state", "product_name", "production_unit", "production_site", "produced_on", "expires_on"),
        unique=(("product_name", "production_site", "batch_no"),),
        links_in=("quality_info_transfer", "complaint_case"), retention_years=10,
        workflow=Workflow(
            states(("active", "有效"), ("discontinued", "停用")),
            moves=(
                Move("discontinue", "停用", source=("active",), to="discontinued",
                     by=("quality_engineer", "unit", "unit_lead"), comment=True),
                Move("reactivate", "恢复", source=("discontinued",), to="active", by=("quality_engineer",),
                     comment=True),
            ),
            maintained=("active",), void_when=(not_referenced(),)),
        access={
            "customer_service": "V", "dispatcher": "V", "technician": "V", "quality_engineer": "CEVX", "quality_manager": "V",
            "sales": "V", "sales_lead": "V", "dealer": "V", "appraiser": "V", "unit": "CEV",
            "unit_lead": "CEV", "warehouse": "V", "deputy_gm": "V", "management_representative": "V", "general_manager": "V",
        },
        rules=(
            "BR-07 a case copies expires_on at intake; a claim dated after it gets no exchange and no "
            "compensation, a claim dated on it may",
            "BR-23 three or more cases with the same batch (or product) and fault category in 30 days "
            "propose a rectification order",
            "BR-33 the batch page lists unsold and unused stock of the same batch for inspection when the "
            "sample is gone",
            "BR-01 every batch delivered to a customer line (deliveries row) has at least one "
            "info_flow_card from the site; rows without one are listed for the after-sales staff",
            "batch_no is unique within product_name and production_site",
            "produced_on is not in the future",
            "a batch with records pointing at it can be discontinued but not deleted",
        ),
    )
