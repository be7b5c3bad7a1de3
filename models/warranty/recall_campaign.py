"""缺陷汽车召回."""

from collections import Counter
from decimal import Decimal

import sqlalchemy as sa

from models.base import (
    Line, Record, choice, day, integer, lines, link, longtext, moment, multichoice, percent, rounded, text,
)
from models.choices import FAULT_CATEGORIES
from models.conditions import is_changed, not_referenced, saying
from models.spec import SIGNER, VOID, Condition, Deadline, Move, RecordType, Series, Step, Text, Workflow, states
from models.warranty.recall_vehicle import MEASURES

# Decided and not yet accounted for: vehicles of the scope are not delivered without their row being done.
UNDER_WAY = ("decided", "filed", "announced", "executing")
# What dealers are told of; before, nothing is certain.
PUBLIC = ("filed", "announced", "executing", "reported", "closed")
IN_STOCK = ("in_stock", "returned")
ANYWHERE = (*IN_STOCK, "delivered", "scrapped")
AT_ONCE = 200   # rows that a person waits for
# What was put before the general manager stays as it was signed.
DECIDED = ("defect_origins", "fault_category", "scope_kind", "measures", "scope_items")


def without_row(campaign, act, states=ANYWHERE, limit=1) -> list:
    """Vehicles of the scope that have no row of this campaign yet, so many of them at most."""
    vehicle, row = campaign.types["vehicle"].model, campaign.types["recall_vehicle"].model
    known = sa.select(row.vehicle_id).where(row.recall_campaign_id == campaign.id, row.state != VOID)
    parts = [sa.and_(*item.clauses(vehicle)) for item in campaign.scope_items if item.says_which()]
    return list(act.session.scalars(sa.select(vehicle).where(
        sa.or_(sa.false(), *parts), vehicle.state.in_(states), vehicle.id.not_in(known)).order_by(vehicle.id).limit(limit)))


def block_stock(campaign, act) -> None:
    """Vehicles of the scope in stock have their row at once: an open row stops the delivery."""
    add_rows(campaign, act, IN_STOCK)


def add_rows(campaign, act, states=ANYWHERE) -> None:
    """A row for every vehicle of the scope that has none: nobody waits for more than the first of them, a job writes the
    others. A vehicle that has none yet is not delivered either."""
    if write_rows(campaign, act, states) == AT_ONCE:
        act.ask_job("recall_rows", campaign.id)


def write_rows(campaign, act, states) -> int:
    """How many rows were written: `AT_ONCE` of them as long as there are more."""
    vehicles = without_row(campaign, act, states, limit=AT_ONCE)
    with act.several():
        for vehicle in vehicles:
            owner = act.get("customer", vehicle.customer_id)
            act.new("recall_vehicle", recall_campaign=campaign.id, vehicle=vehicle.id, phone=owner and owner.phone)
    with act.several():
        for vehicle in vehicles:
            act.touch(vehicle)
    return len(vehicles)


def write_more_rows(campaign, act) -> bool:
    """The next rows that the state of the campaign asks for; whether there may be more."""
    states = {"decided": IN_STOCK}.get(campaign.state, ANYWHERE)
    if campaign.state not in UNDER_WAY or not (count := write_rows(campaign, act, states)):
        return False
    act.touch(campaign)
    return count == AT_ONCE


def is_accounted_for(campaign, act) -> bool:
    row = campaign.types["recall_vehicle"].model
    return act.session.scalar(sa.select(row.id).where(
        row.recall_campaign_id == campaign.id, row.state.in_(("pending", "notified"))).limit(1)) is None


EVERY_VEHICLE_HAS_A_ROW = Condition(
    lambda campaign, act: not without_row(campaign, act),
    Text("召回范围内还有未建明细的车辆，请先补建召回车辆明细", "Some vehicles of the scope have no row yet: add them first"))
EVERY_ROW_HAS_A_RESULT = Condition(is_accounted_for, Text(
    "尚有待通知或已通知未完成的车辆，每辆车均有结果后方可总结报告",
    "Some vehicles are still pending or notified: every one needs a result before the final report"))
NO_ROWS = saying(not_referenced(), "已建立召回车辆明细，召回活动不能作废",
                 "Vehicles are recalled already: the campaign cannot be voided")


class ScopeItem(Line, of="recall_campaign"):
    """A batch, a model or a range of VINs with the defect; what a row says must all hold for a vehicle."""

    product_batch_id = link("product_batch", "批次")
    model = text("型号")
    vin_from = text("VIN起", origin="P")
    vin_until = text("VIN止", origin="P")
    quantity = integer("数量", origin="P")

    def says_which(self):
        return any((self.product_batch_id, self.model, self.vin_from, self.vin_until))

    def clauses(self, vehicle):
        """The conditions on a vehicle."""
        for value, column in ((self.product_batch_id, vehicle.product_batch_id), (self.model, vehicle.model)):
            if value:
                yield column == value
        if self.vin_from:
            yield vehicle.vin >= self.vin_from
        if self.vin_until:
            yield vehicle.vin <= self.vin_until

    def covers(self, vehicle):
        return self.says_which() and all(self.clauses(vehicle))


class StageReport(Line, of="recall_campaign"):
    """How far the campaign had come on a day."""

    reported_on = day("报告日期", required=True, origin="P")
    done_count = integer("累计完成数", required=True, origin="P")
    content = longtext("内容", required=True, origin="P")


class RecallCampaign(Record):
    """The quality manager proposes, the general manager decides and customer service and dealers carry
    out the repair, replacement or taking back of all vehicles with the same design or manufacturing
    defect."""

    moving = None   # the row that a move under way takes to another state

    title = text("召回名称", required=True, origin="P", group=("缺陷", "The defect"))
    monthly_quality_analysis_id = link("monthly_quality_analysis", "用户质量信息月分析报告(来源)", origin="X")
    recall_no = text("召回编号(备案)", origin="P")
    defect_description = longtext("缺陷描述", required=True)
    defect_origins = multichoice("缺陷原因", ("design", "设计"), ("manufacture", "制造"), ("other", "其他"),
                                 required=True)
    fault_category = choice("故障类别", FAULT_CATEGORIES, required=True, origin="X")
    scope_kind = choice("范围类型", ("batch", "某一批次"), ("model", "某一型号"), ("category", "某一类别"), required=True,
                        help=("批次范围每行须选批次，型号范围每行须填型号",
                              "A batch scope names a batch in every row, a model scope a model"))
    commonality_text = longtext("同一性说明", required=True)
    risk_description = longtext("可能后果", origin="P")
    measures = multichoice("消除缺陷措施", MEASURES, required=True, group=("措施与备案", "Measures and filing"))
    measure_text = longtext("措施说明", origin="P")
    decided_at = moment("决定时间", origin="X")
    stop_sale_at = moment("停止生产销售时间", origin="X", help=("不晚于备案时间", "Not later than the filing"))
    filed_at = moment("备案时间", origin="P")
    dealers_notified_at = moment("通知销售者时间", origin="X", help=("不晚于备案时间", "Not later than the filing"))
    notification_method = text("车主通知方式", origin="P", group=("实施", "Carrying out"))
    announced_at = moment("发布时间", origin="X")
    starts_on = day("实施开始日期", origin="P")
    ends_on = day("计划结束日期", origin="P")
    vehicle_count = integer("召回数量", origin="P", derived="number of its recall_vehicle rows")
    done_count = integer("完成数", origin="P", derived="its recall_vehicle rows in state done")
    completion_rate = percent("召回完成率", origin="P", derived="done_count / vehicle_count")
    final_report = longtext("总结报告", origin="P", group=("总结与关闭", "Report and closing"))
    reported_at = moment("总结报告时间", origin="P")
    corrective_action_id = link("corrective_action", "纠正和预防措施", origin="X")
    closed_at = moment("关闭时间", origin="X")
    scope_items = lines(ScopeItem, "召回范围")
    stage_reports = lines(StageReport, "阶段报告")

    def covers(self, vehicle):
        return any(item.covers(vehicle) for item in self.scope_items)

    def start_from(self, source, act):
        batch = source if source.spec.name == "product_batch" else act.get(
            "product_batch", getattr(source, "product_batch_id", None))
        if batch is not None:
            self.scope_kind = "batch"
            self.scope_items = [ScopeItem(position=0, product_batch_id=batch.id, model=batch.model)]
        self.defect_description = self.defect_description or getattr(source, "problem", None)

    def derive(self, act):
        counts = self._rows_by_state(act)
        self.vehicle_count = sum(counts.values())
        self.done_count = counts["done"]
        self.completion_rate = None
        if self.vehicle_count:
            self.completion_rate = rounded(Decimal(self.done_count) / self.vehicle_count, 6)

    def _rows_by_state(self, act):
        row = self.types["recall_vehicle"].model
        moving = [self.moving.id] if self.moving else []
        counts = Counter(dict(act.session.execute(
            sa.select(row.state, sa.func.count()).where(row.recall_campaign_id == self.id, row.id.not_in(moving))
            .group_by(row.state)).all())) if self.id else Counter()
        counts.update([self.moving.becomes] if self.moving else ())
        del counts[VOID]
        return counts

    def check(self, act):
        needed = {"batch": "product_batch", "model": "model"}.get(self.scope_kind)
        for n, item in enumerate(self.scope_items):
            field = needed and ScopeItem.fields[needed]
            if field and not getattr(item, field.column):
                yield f"scope_items-{n}-{needed}", Text(
                    "按所选范围类型，每行须填写“{it}”", "This kind of scope needs “{it}” in every row").with_(it=field.label)
            elif not item.says_which():
                yield f"scope_items-{n}-model", Text("每行须填写批次、型号或VIN范围之一",
                                                     "Every row names a batch, a model or a range of VINs")
            if item.vin_from and item.vin_until and item.vin_until < item.vin_from:
                yield f"scope_items-{n}-vin_until", Text("VIN止不能小于VIN起", "The range ends before it begins")
        for name in ("stop_sale_at", "dealers_notified_at"):
            at = getattr(self, name)
            if at and self.filed_at and at > self.filed_at:
                yield name, Text("须立即停止生产销售并通知销售者，不能晚于备案时间",
                                 "Production and sale stop and sellers are told at once: not later than the filing")
        if self.starts_on and self.ends_on and self.ends_on < self.starts_on:
            yield "ends_on", Text("计划结束日期不能早于实施开始日期", "It cannot end before it starts")
        if self.state != "investigating" and act.move is None:
            yield from ((name, Text("决定召回后，范围和措施不能再改；范围扩大的请另立召回活动",
                                    "What was decided stays: open another campaign for a wider scope"))
                        for name in DECIDED if is_changed(self, name))

    spec = RecordType(
        code="RCL", zh="缺陷汽车召回", en="Recall campaign", source="004 §5.3.5 (second)",
        series=Series("RCL-{yyyy}-{n:03}"), title="title",
        list=("number", "title", "recall_no", "fault_category", "vehicle_count", "done_count",
              "completion_rate", "starts_on", "state"),
        search=("number", "title", "recall_no", "defect_description"),
        filters=("state", "fault_category", "scope_kind", "starts_on"),
        links_in=("monthly_quality_analysis", "corrective_action", "product_batch"), chosen_in=UNDER_WAY,
        seen_in={"dealer": PUBLIC},
        retention_years=10,
        workflow=Workflow(
            states(("investigating", "调查中"), ("in_approval", "决定中"), ("decided", "已决定召回"),
                   ("filed", "已备案"), ("announced", "已发布"), ("executing", "实施中"), ("reported", "已总结报告"),
                   ("closed", "已关闭"), ("dismissed", "不予召回")),
            void_when=(NO_ROWS,),
            moves=(
                Move("propose", "提出召回", source=("investigating",), to="in_approval",
                     by=("quality_manager",), opens_round=True,
                     requires=("title", "defect_description", "defect_origins", "scope_kind",
                               "commonality_text", "measures", "scope_items")),
                Move("decide", "决定召回", source=("in_approval",), to="decided", by=(SIGNER,),
                     stamps=("decided_at",), signs=True, then=block_stock),
                Move("send_back", "退回补充调查", source=("in_approval",), to="investigating", by=(SIGNER,),
                     comment=True, signs=True),
                Move("dismiss", "不予召回", source=("investigating",), to="dismissed",
                     by=("quality_manager",), comment=True),
                Move("file", "备案", source=("decided",), to="filed", by=("quality_manager",),
                     requires=("stop_sale_at", "dealers_notified_at", "measure_text"),
                     stamps=("filed_at",), then=add_rows),
                Move("announce", "发布", source=("filed",), to="announced",
                     by=("quality_manager", "customer_service"),
                     requires=("recall_no", "notification_method", "starts_on"),
                     stamps=("announced_at",)),
                Move("execute", "开始实施", "Start", source=("announced",), to="executing",
                     by=("customer_service", "quality_manager"), then=add_rows),
                Move("report", "总结报告", source=("executing",), to="reported", by=("quality_manager",),
                     requires=("final_report",), stamps=("reported_at",), when=(EVERY_VEHICLE_HAS_A_ROW, EVERY_ROW_HAS_A_RESULT)),
                Move("close", "关闭", source=("reported",), to="closed", by=("quality_manager",),
                     requires=("corrective_action",), stamps=("closed_at",)),
            ),
            approval=(Step("general_manager"),)),
        deadlines=(
            Deadline("final_report", "ends_on", starts="announced_at", met_by="reported_at",
                     tell=("quality_manager", "customer_service")),
        ),
        access={
            "customer_service": "EVX", "quality_manager": "CEVX", "sales": "V", "sales_lead": "V",
            "dealer": "V", "unit": "V", "unit_lead": "V", "warehouse": "V", "deputy_gm": "V",
            "general_manager": "AV",
        },
        rules=(
            "every vehicle in scope has a recall_vehicle row, and every row a result before the final "
            "report",
            "production and sale stop at once: stop_sale_at and dealers_notified_at are not later than "
            "filed_at",
            "a vehicle of the scope that is not yet delivered cannot be delivered until its row is done",
            "completion_rate = done_count / vehicle_count, unreachable and scrapped not counted as done",
            "scope_kind batch needs product_batch on every scope line, model needs model",
            "the decider is not the proposer",
            "a vehicle appears once per campaign",
            "dealers see a campaign once it is filed",
            "records kept 10 years",
        ),
    )
