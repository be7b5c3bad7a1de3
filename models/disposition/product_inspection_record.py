"""现场检查检测试验记录."""

from models.base import (
    Line, Record, choice, day, decimal, lines, link, longtext, moment, money, person, signature, text, yes_no,
)
from models.choices import FAULT_CATEGORIES
from models.conditions import actor_is_not, either, filled, if_so, is_true, saying
from models.disposition.major_incident_report import pass_on_loss, report_major_loss
from models.master.product_batch import fill_from_batch
from models.spec import Default, Move, RecordType, Series, Text, Workflow, states

FROM_SHEET = ("product_batch_id", "product_name", "batch_no", "produced_on", "fault_category", "fault_description",
              "direct_loss")

SAMPLE_OR_SAME_BATCH = saying(
    either(is_true("has_physical_product"), is_true("is_same_batch_used")),
    "现场没有问题产品实物的，须检查同批次未使用产品",
    "Without the product itself, unused product of the same batch is inspected")
MISUSE_POINTED_OUT = saying(
    if_so(is_true("is_misoperation"), filled("usage_advice")),
    "用户作业不规范的，须填写“指出不规范操作/使用培训建议”", "Misoperation is pointed out: fill in the usage advice")


class Test(Line, of="product_inspection_record"):
    """One check, measurement, test or trial, and the standard it is compared with."""

    test_kind = choice("类别", ("check", "检查"), ("measurement", "检测"), ("test", "试验"),
                       ("trial", "试用", "Trial use"), required=True)
    item = text("项目", required=True)
    standard = text("依据标准", required=True)
    required_value = text("标准要求")
    method = text("方法", origin="P")
    equipment = text("设备/工具", origin="P")
    result_value = text("结果值", required=True, origin="P")
    is_conforming = yes_no("是否符合", required=True)


class ProductInspectionRecord(Record):
    """The service person records on site what the user reports, the checks and tests made against the
    standard and the preliminary judgement of the product."""

    quality_info_transfer_id = link("quality_info_transfer", "产品质量信息传递处置单", required=True,
                                    group=("检查", "The inspection"))
    travel_assignment_id = link("travel_assignment", "派差/出差单", origin="X")
    technician_id = person("检查人", required=True, default=Default.CURRENT_USER)
    inspected_at = moment("检查时间", required=True, origin="P")
    place = text("检查地点", origin="P")
    product_name = text("产品名称(段别)", "Product name (segment)", required=True, group=("产品", "The product"))
    product_batch_id = link("product_batch", "产品/批次", help=(
        "选定后自动带出产品名称、批号、生产点和生产时间",
        "Fills product name, batch number, production site and production date"))
    batch_no = text("批号", required=True)
    production_site = text("生产点")
    produced_on = day("生产时间")
    purchased_quantity = decimal("购买数量")
    used_quantity = decimal("使用数量")
    fault_category = choice("故障类别", FAULT_CATEGORIES, required=True, group=(
        "用户反映的情况", "What the user reports"))
    fault_description = longtext("包装、性能等质量问题", required=True)
    operation_detail = longtext("用户操作细节")
    abnormal_situation = longtext("现场异常情况")
    site_findings = longtext("现场查看情况", help=(
        "必要时查看现场，以证实用户提供的情况", "When the site was viewed to confirm what the user said"))
    accident_loss = longtext("事故损失情况")
    direct_loss = money("直接质量损失", origin="X", default=0, help=(
        "审核后写入传递处置单；填 0 不改动传递处置单上的金额",
        "Goes into the quality information sheet on review; 0 leaves what stands there"))
    customer_demand = longtext("用户诉求", required=True)
    has_physical_product = yes_no("有疑似问题产品实物", group=("检查与判断", "Tests and judgement"))
    is_same_batch_used = yes_no("检查同批次未使用产品", "Unused product of the same batch inspected")
    sample_quantity = decimal("样品数", origin="P")
    is_safety_confirmed = yes_no("已遵守安全规程", default=False)
    judgement = choice("初步判断", ("defect", "产品存在质量问题", "Product defect"),
                       ("no_defect", "产品无质量问题", "No product defect"), ("undetermined", "暂无法判定"))
    judgement_text = longtext("综合分析判断")
    is_misoperation = yes_no("用户作业不规范")
    usage_advice = longtext("指出不规范操作/使用培训建议")
    suggestion = longtext("处理建议")
    signed_by = signature("用户见证签字", origin="P", group=("见证", "Witness"))
    signed_at = moment("签字时间", origin="P")
    finished_at = moment("完成时间", origin="X")
    tests = lines(Test, "检查检测试验项目")

    def derive(self, act):
        fill_from_batch(self, act, ("product_name", "batch_no", "production_site", "produced_on"))

    def check(self, act):
        bought, used = self.purchased_quantity, self.used_quantity
        if bought is not None and used is not None and used > bought:
            yield "used_quantity", Text("使用数量不能大于购买数量", "More cannot be used than was bought")
        trip = act.get("travel_assignment", self.travel_assignment_id)
        if trip is not None and trip.quality_info_transfer_id != self.quality_info_transfer_id:
            yield "travel_assignment", Text("所选派差单不是该质量信息的，请重选",
                                            "This journey is about another quality information: choose again")

    def start_from(self, source, act):
        sheet = act.get("quality_info_transfer", self.quality_info_transfer_id)
        for column in FROM_SHEET if sheet is not None else ():
            if not getattr(self, column):
                setattr(self, column, getattr(sheet, column))

    spec = RecordType(
        code="PIR", zh="现场检查检测试验记录", en="On-site product inspection record", source="003 三(三)3-6",
        series=Series("PIR-{yyyy}{mm}-{n:04}"), scope={"technician": "technician"},
        list=("number", "quality_info_transfer", "product_name", "batch_no", "fault_category", "judgement",
              "inspected_at", "technician", "state"),
        search=("number", "product_name", "batch_no", "judgement_text"),
        filters=("state", "product_batch", "fault_category", "judgement", "technician", "inspected_at"),
        links_in=("quality_info_transfer", "travel_assignment"),
        workflow=Workflow(
            states(("draft", "草稿"), ("finished", "已完成"), ("reviewed", "已审核")),
            moves=(
                Move("finish", "完成", source=("draft",), to="finished", by=("technician",),
                     requires=("product_name", "batch_no", "production_site", "produced_on",
                               "purchased_quantity", "used_quantity", "fault_description", "customer_demand",
                               "has_physical_product", "tests", "is_safety_confirmed", "judgement",
                               "judgement_text", "is_misoperation", "suggestion"),
                     stamps=("finished_at",), then=report_major_loss,
                     when=(is_true("is_safety_confirmed"), SAMPLE_OR_SAME_BATCH, MISUSE_POINTED_OUT)),
                Move("review", "审核", source=("finished",), to="reviewed", by=("quality_engineer",),
                     when=(actor_is_not("technician"),), then=pass_on_loss),
                Move("send_back", "退回补充", source=("finished",), to="draft", by=("quality_engineer",),
                     comment=True),
            )),
        access={
            "technician": "CEV", "quality_engineer": "AVX", "quality_manager": "V", "unit": "V",
            "unit_lead": "V",
        },
        rules=(
            "BR-33 without a physical product the same-batch unused product is inspected (is_same_batch_used "
            "true and at least one tests row)",
            "a judgement other than undetermined needs at least one tests row with standard",
            "is_safety_confirmed is true before the record is finished",
            "is_misoperation true needs usage_advice",
            "BR-15 direct_loss of 20000.00 or more opens a major_incident_report",
            "used_quantity is not greater than purchased_quantity",
            "choosing product_batch fills product_name, batch_no, production_site and produced_on",
        ),
    )
