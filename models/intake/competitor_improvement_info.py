"""竞品与改进建议信息."""

from models.base import Record, choice, file, link, longtext, moment, text, unit
from models.spec import Move, RecordType, Series, Text, Workflow, states


def act_on_gap(info, act) -> None:
    """An adopted gap goes to the responsible unit as a corrective action; quality looks through its draft."""
    if info.info_kind != "gap" or info.corrective_action_id is not None:
        return
    action = act.new(
        "corrective_action", source_type=info.spec.name, source_number=info.number, is_confirmed_problem=False,
        problem=info.gap or info.content, responsible_unit=info.responsible_unit)
    info.corrective_action_id = action.id


class CompetitorImprovementInfo(Record):
    """The sales branch or quality assurance reports competing products, gaps against competitors and
    suggestions for product improvement for a decision."""

    info_kind = choice("信息类别", ("competitor_product", "有竞争力的优势产品信息", "Competing product"),
                       ("gap", "与竞争对手的差距", "Gap against competitor"),
                       ("suggestion", "产品改进建议", "Improvement suggestion"), required=True,
                       group=("信息", "The information"))
    competitor = text("竞争对手", origin="P", help=(
        "改进建议可不填", "May be left empty for a suggestion"))
    product_name = text("本公司产品", "Our product", origin="P")
    item = choice("比较项目", ("quality", "质量"), ("price", "价格"), ("delivery", "交货期"), ("service", "服务"),
                  ("packaging", "包装"), ("function", "功能"), ("other", "其他"), en="Item compared")
    content = longtext("信息内容", required=True)
    gap = longtext("差距")
    evidence_id = file("证据", origin="P")
    suggestion = longtext("改进建议")
    source_type = choice("来源单据", ("visit_report", "顾客走访报告"), ("satisfaction_report", "满意度分析报告"),
                         ("customer_meeting_minutes", "会议纪要", "Meeting minutes"),
                         ("market", "市场收集"), origin="X", group=("来源", "Where it comes from"))
    source_number = text("来源单号", origin="X")
    evaluation = longtext("评估意见", origin="P", group=("评估与决定", "Evaluation and decision"))
    evaluated_at = moment("评估时间", origin="X")
    responsible_unit = unit("责任部门", origin="P")
    corrective_action_id = link("corrective_action", "纠正和预防措施", origin="X", help=(
        "采纳差距时自动建立草稿", "Drafted when a gap is adopted"))
    decided_at = moment("决定时间", origin="X")

    def check(self, act):
        if self.info_kind in ("competitor_product", "gap") and not self.competitor:
            yield "competitor", Text("请填写竞争对手；只有改进建议可不填",
                                     "Name the competitor: only a suggestion has none")

    spec = RecordType(
        code="CII", zh="竞品与改进建议信息", en="Competitor and improvement information",
        source="003 二(二); 000 §5.2.4.2-5.2.4.3", series=Series("CII-{yyyy}{mm}-{n:04}"),
        list=("number", "info_kind", "competitor", "product_name", "item", "evaluated_at", "state"),
        search=("number", "competitor", "product_name", "content", "suggestion"),
        filters=("state", "info_kind", "item", "responsible_unit"),
        links_in=("visit_report", "satisfaction_report", "customer_meeting_minutes"), retention_years=3,
        workflow=Workflow(
            states(("submitted", "已提交"), ("evaluated", "已评估"), ("adopted", "已采纳"), ("declined", "未采纳")),
            moves=(
                Move("evaluate", "评估", source=("submitted",), to="evaluated", by=("quality_engineer",),
                     requires=("evaluation",), stamps=("evaluated_at",)),
                Move("adopt", "采纳", source=("evaluated",), to="adopted", by=("quality_manager",),
                     requires=("responsible_unit",), stamps=("decided_at",), then=act_on_gap),
                Move("decline", "不采纳", source=("evaluated",), to="declined", by=("quality_manager",),
                     stamps=("decided_at",), comment=True),
            )),
        access={
            "quality_engineer": "CEV", "quality_manager": "AVX", "sales": "CEV", "sales_lead": "CEV",
            "management_representative": "V", "deputy_gm": "V", "general_manager": "V",
        },
        rules=(
            "competitor is required unless info_kind is suggestion",
            "BR-26 an adopted gap leads to a corrective_action of the responsible unit",
        ),
    )
