"""缺陷汽车召回."""

from models.base import (
    Line, Record, choice, day, integer, lines, link, longtext, moment, multichoice, percent, text,
)
from models.choices import FAULT_CATEGORIES
from models.spec import SIGNER, Move, RecordType, Series, Step, Workflow, states


class ScopeItem(Line, of="recall_campaign"):
    """召回范围."""

    product_batch_id = link("product_batch", "批次")
    model = text("型号")
    vin_from = text("VIN起", origin="P")
    vin_until = text("VIN止", origin="P")
    quantity = integer("数量", origin="P")


class StageReport(Line, of="recall_campaign"):
    """阶段报告."""

    reported_on = day("报告日期", required=True, origin="P")
    done_count = integer("累计完成数", required=True, origin="P")
    content = longtext("内容", required=True, origin="P")


class RecallCampaign(Record):
    """The quality manager proposes, the general manager decides and customer service and dealers carry
    out the repair, replacement or taking back of all vehicles with the same design or manufacturing
    defect."""

    title = text("召回名称", required=True, origin="P")
    monthly_quality_analysis_id = link("monthly_quality_analysis", "用户质量信息月分析报告(来源)", origin="X")
    recall_no = text("召回编号(备案)", origin="P")
    defect_description = longtext("缺陷描述", required=True)
    defect_origins = multichoice("缺陷原因", ("design", "设计"), ("manufacture", "制造"), ("other", "其他"),
        required=True)
    fault_category = choice("故障类别", FAULT_CATEGORIES, required=True, origin="X")
    scope_kind = choice("范围类型", ("batch", "某一批次"), ("model", "某一型号"), ("category", "某一类别"), required=True)
    commonality_text = longtext("同一性说明", required=True)
    risk_description = longtext("可能后果", origin="P")
    measures = multichoice("消除缺陷措施", ("repair", "修理"), ("replace", "更换"), ("take_back", "收回"),
        required=True)
    measure_text = longtext("措施说明", origin="P")
    # SET_BY decide
    decided_at = moment("决定时间", origin="X")
    stop_sale_at = moment("停止生产销售时间", origin="X")
    # SET_BY file
    filed_at = moment("备案时间", origin="P")
    dealers_notified_at = moment("通知销售者时间", origin="X")
    notification_method = text("车主通知方式", origin="P")
    # SET_BY announce
    announced_at = moment("发布时间", origin="X")
    starts_on = day("实施开始日期", origin="P")
    ends_on = day("计划结束日期", origin="P")
    vehicle_count = integer("召回数量", origin="P", derived="number of its recall_vehicle rows")
    done_count = integer("完成数", origin="P", derived="its recall_vehicle rows in state done")
    completion_rate = percent("召回完成率", origin="P", derived="done_count / vehicle_count")
    final_report = longtext("总结报告", origin="P")
    # SET_BY report
    reported_at = moment("总结报告时间", origin="P")
    corrective_action_id = link("corrective_action", "纠正和预防措施", origin="X")
    # SET_BY close
    closed_at = moment("关闭时间", origin="X")
    scope_items = lines(ScopeItem, "召回范围")
    stage_reports = lines(StageReport, "阶段报告")

    spec = RecordType(
        code="RCL", zh="缺陷汽车召回", en="Recall campaign", source="004 §5.3.5 (second)",
        series=Series("RCL-{yyyy}-{n:03}"),
        title="title",
        list=("number", "title", "recall_no", "fault_category", "vehicle_count", "done_count",
              "completion_rate", "starts_on", "state"),
        search=("number", "title", "recall_no", "defect_description"),
        filters=("state", "fault_category", "scope_kind", "starts_on"),
        links_in=("monthly_quality_analysis", "corrective_action", "product_batch"),
        retention_years=10,
        workflow=Workflow(
            states(("investigating", "调查中"), ("in_approval", "决定中"), ("decided", "已决定召回"),
                ("filed", "已备案"), ("announced", "已发布"), ("executing", "实施中"), ("reported", "已总结报告"),
                ("closed", "已关闭"), ("dismissed", "不予召回")),
            moves=(
                Move("propose", "提出召回", source=("investigating",), to="in_approval",
                    by=("quality_manager",),
                    requires=("title", "defect_description", "defect_origins", "scope_kind", "commonality_text", "measures", "scope_items"),
                    opens_round=True),
                # THEN vehicles in scope still in stock are blocked from delivery
                Move("decide", "决定召回", source=("in_approval",), to="decided", by=(SIGNER,),
                    stamps=("decided_at",), signs=True),
                Move("send_back", "退回补充调查", source=("in_approval",), to="investigating", by=(SIGNER,),
                    comment=True, signs=True),
                Move("dismiss", "不予召回", source=("investigating",), to="dismissed",
                    by=("quality_manager",), comment=True),
                # THEN creates one recall_vehicle row for every vehicle in scope_items
                Move("file", "备案", source=("decided",), to="filed", by=("quality_manager",),
                    requires=("stop_sale_at", "dealers_notified_at", "measure_text"),
                    stamps=("filed_at",)),
                Move("announce", "发布", source=("filed",), to="announced",
                    by=("quality_manager", "customer_service"),
                    requires=("recall_no", "notification_method", "starts_on"),
                    stamps=("announced_at",)),
                Move("execute", "开始实施", "Start", source=("announced",), to="executing",
                    by=("customer_service", "quality_manager")),
                # WHEN no recall_vehicle row of it is pending or notified
                Move("report", "总结报告", source=("executing",), to="reported", by=("quality_manager",),
                    requires=("final_report",), stamps=("reported_at",)),
                Move("close", "关闭", source=("reported",), to="closed", by=("quality_manager",),
                    requires=("corrective_action",), stamps=("closed_at",)),
            ),
            approval=(Step("general_manager"),),
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
