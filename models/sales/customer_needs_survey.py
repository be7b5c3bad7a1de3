"""顾客调查表."""

from models.base import Default, Record, choice, day, decimal, link, longtext, moment, person, phone, text
from models.spec import Move, RecordType, Series, Text, Workflow, states

# How a customer who called is surveyed in the same breath.
SURVEYED_BY = {"hotline": "phone", "phone": "phone", "fax": "fax", "email": "email", "visit": "visit"}


class CustomerNeedsSurvey(Record):
    """Filled in by logistics (sales role) when advising a customer before a sale, to record what the customer
    needs and what was recommended."""

    customer_id = link("customer", "顾客", required=True, group=("顾客与调查", "Customer and survey"))
    contact_person = text("联系人", origin="P", private=True)
    phone = phone("联系电话", origin="P", private=True)
    hotline_consultation_id = link("hotline_consultation", "来源咨询", origin="X")
    survey_method = choice("调查方式", ("visit", "走访"), ("phone", "电话"), ("email", "邮件", "E-mail"),
                           ("fax", "传真"), ("exhibition", "展销会"), ("other", "其他"), required=True, origin="P")
    surveyed_on = day("调查日期", required=True, origin="P", default=Default.TODAY)
    handler_id = person("调查人", required=True, origin="P", default=Default.CURRENT_USER)
    consultation = longtext("咨询内容", group=("需求", "Needs"))
    needs = longtext("顾客需求", required=True)
    product_name = text("产品名称", origin="P")
    model = text("型号", origin="P")
    quantity = decimal("数量", origin="P")
    technical_requirements = longtext("技术要求", origin="P")
    packaging_requirements = text("包装要求", origin="P")
    delivery_requirements = text("交期要求", origin="P")
    price_requirements = text("价格要求", origin="P")
    competing_products = text("竞争产品", origin="P")
    recommended_product = text("推荐产品", group=("推荐与处理", "Advice and handling"), help=(
        "帮助用户正确选择产品", "Helps the user to choose the right product"))
    handling_result = longtext("处理结果", origin="X")
    handled_at = moment("处理时间", origin="X")
    remark = longtext("备注", origin="P")

    def start_from(self, source, act):
        self.survey_method = SURVEYED_BY.get(getattr(source, "channel", None))
        self.consultation = getattr(source, "content", None)

    def check(self, act):
        if self.surveyed_on and self.surveyed_on > act.today:
            yield "surveyed_on", Text("调查日期不能晚于今天", "The survey cannot be in the future")
        if self.quantity is not None and self.quantity <= 0:
            yield "quantity", Text("数量须大于零；未定的不填", "The quantity is more than zero, or left empty")

    spec = RecordType(
        code="CNS", zh="顾客调查表", en="Customer needs survey", source="000 §5.1.1, §7; 004 §5.1.1 b)-d)",
        series=Series("CNS-{yyyy}{mm}-{n:04}"),
        list=("number", "customer", "product_name", "quantity", "survey_method", "surveyed_on", "handler", "state"),
        search=("number", "needs", "product_name", "model"),
        filters=("state", "customer", "survey_method", "surveyed_on", "handler"),
        links_in=("customer", "hotline_consultation"), retention_years=3,
        workflow=Workflow(
            states(("draft", "草稿"), ("submitted", "已提交"), ("handled", "已处理"), ("closed", "已关闭")),
            moves=(
                Move("submit", "提交", source=("draft",), to="submitted", by=("sales", "sales_lead"),
                     requires=("customer", "needs", "survey_method", "surveyed_on", "handler")),
                Move("handle", "处理", source=("submitted",), to="handled", by=("sales_lead",),
                     requires=("handling_result",), stamps=("handled_at",)),
                Move("send_back", "退回", source=("submitted",), to="draft", by=("sales_lead",), comment=True),
                Move("close", "关闭", source=("handled",), to="closed", by=("sales", "sales_lead")),
            )),
        access={
            "quality_engineer": "V", "quality_manager": "V", "sales": "CEVX", "sales_lead": "CEVXA",
            "deputy_gm": "V", "management_representative": "V", "general_manager": "V",
        },
        rules=(
            "this pre-sale form has its own number, screen and CSV file and is never merged with "
            "satisfaction_questionnaire (顾客满意度调查表)",
            "surveyed_on is not in the future",
            "quantity, if given, is greater than 0",
            "a closed form cannot be edited",
        ),
    )
