"""现场检查检测试验记录."""

from models.base import (
    Line, Record, choice, day, decimal, lines, link, longtext, moment, money, person, signature,
    text, yes_no,
)
from models.choices import FAULT_CATEGORIES
from models.spec import Default, Move, RecordType, Series, Workflow, states


class Test(Line, of="product_inspection_record"):
    """检查检测试验项目."""

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

    quality_info_transfer_id = link("quality_info_transfer", "产品质量信息传递处置单", required=True)
    travel_assignment_id = link("travel_assignment", "派差/出差单", origin="X")
    technician_id = person("检查人", required=True, default=Default.CURRENT_USER)
    inspected_at = moment("检查时间", required=True, origin="P")
    place = text("检查地点", origin="P")
    product_name = text("产品名称(段别)", required=True)
    product_batch_id = link("product_batch", "产品/批次")
    batch_no = text("批号", required=True)
    production_site = text("生产点")
    produced_on = day("生产时间")
    purchased_quantity = decimal("购买数量")
    used_quantity = decimal("使用数量")
    fault_category = choice("故障类别", FAULT_CATEGORIES, required=True)
    fault_description = longtext("包装、性能等质量问题", required=True)
    operation_detail = longtext("用户操作细节")
    abnormal_situation = longtext("现场异常情况")
    # NOTE when the site was viewed to confirm what the user said (003 三(三)4)
    site_findings = longtext("现场查看情况")
    accident_loss = longtext("事故损失情况")
    direct_loss = money("直接质量损失", origin="X", default=0)
    customer_demand = longtext("用户诉求", required=True)
    has_physical_product = yes_no("有疑似问题产品实物")
    is_same_batch_used = yes_no("检查同批次未使用产品")
    sample_quantity = decimal("样品数", origin="P")
    is_safety_confirmed = yes_no("已遵守安全规程", default=False)
    judgement = choice("初步判断", ("defect", "产品存在质量问题", "Product defect"),
        ("no_defect", "产品无质量问题", "No product defect"), ("undetermined", "暂无法判定"))
    judgement_text = longtext("综合分析判断")
    is_misoperation = yes_no("用户作业不规范")
    usage_advice = longtext("指出不规范操作/使用培训建议")
    suggestion = longtext("处理建议")
    signed_by = signature("用户见证签字", origin="P")
    signed_at = moment("签字时间", origin="P")
    # SET_BY finish
    finished_at = moment("完成时间", origin="X")
    tests = lines(Test, "检查检测试验项目")

    spec = RecordType(
        code="PIR", zh="现场检查检测试验记录", en="On-site product inspection record", source="003 三(三)3-6",
        series=Series("PIR-{yyyy}{mm}-{n:04}"),
        scope={"technician": "technician"},
        list=("number", "quality_info_transfer", "product_name", "batch_no", "fault_category",
              "judgement", "inspected_at", "technician", "state"),
        search=("number", "product_name", "batch_no", "judgement_text"),
        filters=("state", "product_batch", "fault_category", "judgement", "technician", "inspected_at"),
        links_in=("quality_info_transfer", "travel_assignment"),
        workflow=Workflow(
            states(("draft", "草稿"), ("finished", "已完成"), ("reviewed", "已审核")),
            moves=(
                # WHEN is_safety_confirmed is true; has_physical_product is true or is_same_batch_used is true
                Move("finish", "完成", source=("draft",), to="finished", by=("technician",),
                    requires=("product_name", "batch_no", "production_site", "produced_on", "purchased_quantity", "used_quantity", "fault_description", "customer_demand", "has_physical_product", "tests", "is_safety_confirmed", "judgement", "judgement_text", "is_misoperation", "suggestion"),
                    stamps=("finished_at",)),
                # THEN writes direct_loss into quality_info_transfer
                Move("review", "审核", source=("finished",), to="reviewed", by=("quality_engineer",)),
                Move("send_back", "退回补充", source=("finished",), to="draft", by=("quality_engineer",),
                    comment=True),
            ),
        ),
        access={
            "technician": "CEV", "quality_engineer": "AVX", "quality_manager": "V", "unit": "V",
            "unit_lead": "V",
        },
        rules=(
            "BR-33 without a physical product the same-batch unused product is inspected "
            "(is_same_batch_used true and at least one tests row)",
            "a judgement other than undetermined needs at least one tests row with standard",
            "is_safety_confirmed is true before the record is finished",
            "is_misoperation true needs usage_advice",
            "BR-15 direct_loss of 20000.00 or more opens a major_incident_report",
            "used_quantity is not greater than purchased_quantity",
            "choosing product_batch fills product_name, batch_no, production_site and produced_on",
        ),
    )
