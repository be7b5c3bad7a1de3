"""暂时不能解决问题上报."""

from models.base import Record, choice, day, file, link, longtext, moment, multichoice, person, unit, yes_no
from models.choices import FAULT_CATEGORIES
from models.conditions import is_true
from models.spec import Deadline, Default, Move, RecordType, Series, Text, Workflow, states


def take_back(report, act) -> None:
    """Sent back to be completed, it is not reported until it is sent again."""
    report.reported_at = None


def to_whom(report):
    return ("unit_lead",) if report.report_to == "unit_leader" else ("quality_manager",)


class UnresolvedIssueReport(Record):
    """The service person reports with photo, video or written report a problem that cannot be solved for
    the time being, so that the unit leader or the quality department sends support."""

    quality_info_transfer_id = link("quality_info_transfer", "产品质量信息传递处置单", group=("来源", "Source"))
    work_order_id = link("work_order", "派工单", origin="X", help=(
        "传递处置单和派工单至少填一项", "One of quality information and work order is needed"))
    customer_id = link("customer", "用户", required=True)
    product_batch_id = link("product_batch", "产品/批次", origin="P")
    responsible_unit = unit("所在单位", required=True)
    technician_id = person("售后服务人员", required=True, default=Default.CURRENT_USER)
    report_to = choice("上报对象", ("unit_leader", "所在单位领导", "Own unit leader"),
                       ("quality_department", "科技质量部"), required=True, group=("问题", "The problem"))
    fault_category = choice("故障类别", FAULT_CATEGORIES, origin="X")
    situation = longtext("情况说明", required=True)
    evidence_kinds = multichoice("上报形式", ("photo", "拍照"), ("video", "摄像"), ("written_report", "书面报告"),
                                 required=True)
    evidence_id = file("照片/摄像/书面报告", "Photo, video or written report", help=(
        "上报前须上传", "To be uploaded before reporting"))
    is_customer_informed = yes_no("已向用户耐心解释", default=False, help=(
        "上报前须已向用户解释清楚", "The user is told before the problem is reported"))
    support_request = longtext("支援请求", origin="P")
    reported_at = moment("上报时间", origin="X")
    support_staff_id = person("支援人员", origin="P", group=("支援与解决", "Support and solution"))
    due_on = day("解决期限", origin="P")
    technical_assistance_request_id = link("technical_assistance_request", "技术援助单", origin="X")
    solution = longtext("解决情况", origin="P")
    solved_at = moment("解决时间", origin="X")

    def check(self, act):
        if self.quality_info_transfer_id is None and self.work_order_id is None:
            yield "quality_info_transfer", Text("请关联产品质量信息传递处置单或派工单",
                                                "Link the quality information or the work order")

    spec = RecordType(
        code="UIR", zh="暂时不能解决问题上报", en="Unresolved issue report", source="003 五(九), 五(三)",
        series=Series("UIR-{yyyy}{mm}-{n:04}"),
        scope={"technician": "technician", "unit": "responsible_unit", "unit_lead": "responsible_unit"},
        list=("number", "customer", "technician", "report_to", "reported_at", "support_staff", "due_on",
              "state"),
        search=("number", "situation", "solution"),
        filters=("state", "customer", "responsible_unit", "technician", "report_to", "fault_category",
                 "reported_at"),
        links_in=("quality_info_transfer", "work_order"),
        workflow=Workflow(
            states(("draft", "草稿"), ("reported", "已上报"), ("support_assigned", "已安排支援"),
                   ("solved", "已解决")),
            moves=(
                Move("report", "上报", source=("draft",), to="reported", by=("technician",),
                     requires=("situation", "evidence_kinds", "evidence"), stamps=("reported_at",),
                     when=(is_true("is_customer_informed"),),
                     tells=to_whom),
                Move("assign", "安排支援", "Assign support", source=("reported",), to="support_assigned",
                     by=("unit_lead", "quality_manager"), requires=("support_staff", "due_on")),
                Move("send_back", "退回补充", source=("reported",), to="draft",
                     by=("unit_lead", "quality_manager"), comment=True, then=take_back),
                Move("solve", "已解决", source=("reported", "support_assigned"), to="solved",
                     by=("technician", "unit_lead", "quality_manager"), requires=("solution",),
                     stamps=("solved_at",)),
            )),
        deadlines=(
            Deadline("solve", "due_on", starts="reported_at", met_by="solved_at",
                     tell=("owner", "unit_lead", "quality_manager"), holder="support_staff"),
        ),
        access={
            "technician": "CEV", "quality_engineer": "V", "quality_manager": "AVX", "unit": "V",
            "unit_lead": "AV",
        },
        rules=(
            "at least one photo, video or document is attached before reporting",
            "the problem was explained to the user (is_customer_informed) before reporting",
            "quality_info_transfer or work_order is set",
        ),
    )
