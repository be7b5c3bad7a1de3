"""受控文件."""

from models.base import (
    Line, Record, choice, day, file, integer, lines, link, longtext, moment, person, text, unit,
    yes_no,
)
from models.spec import SIGNER, SYSTEM, Deadline, Move, RecordType, Series, Step, Workflow, states


class Change(Line, of="controlled_document"):
    """修改记录."""

    version = text("版本/修改码", required=True)
    changed_on = day("修改日期", required=True)
    change_text = text("修改内容", required=True)
    changed_by = text("修改人", origin="P")


class Distribution(Line, of="controlled_document"):
    """发放记录."""

    recipient_unit = unit("发放部门", required=True, origin="P")
    copy_no = text("分发号", origin="P")
    received_by_id = person("签收人", origin="P")
    received_at = moment("签收时间", origin="P")


class ControlledDocument(Record):
    """Registered by the quality department for every procedure, standard and form in force, with who
    drafted, reviewed and approved it and what was changed."""

    # NOTE free text, e.g. SPS-QM-P-01-04; pattern per company parameter
    document_no = text("文件编号", required=True)
    document_name = text("文件名称", required=True)
    document_level = choice("文件层次", ("manual", "手册"), ("procedure", "程序文件"),
        ("work_instruction", "作业指导书"), ("record_form", "记录表格"),
        ("external", "外来文件", "External document"), required=True, origin="P")
    # NOTE letter and digit, e.g. A/0
    version = text("版本/修改码", required=True, origin="P")
    page_count = integer("页数")
    # SET_BY issue
    issued_on = day("发布/修订日期")
    effective_on = day("实施日期", origin="P")
    drafted_by_id = person("编制", required=True)
    # NOTE who signed step 1
    # SET_BY approve
    reviewed_by_id = person("审核")
    # NOTE who signed step 2
    # SET_BY approve
    approved_by_id = person("批准")
    is_controlled = yes_no("受控", required=True, default=True)
    document_file_id = file("文件正文", origin="P")
    change_summary = longtext("修改内容")
    replaces_id = link("controlled_document", "替代文件", origin="P")
    # NOTE record type name whose printed form this is
    form_of = text("对应记录类型", origin="X")
    review_due_on = day("下次评审日期", origin="P")
    # SET_BY obsolete
    obsoleted_on = day("作废日期", origin="P")
    changes = lines(Change, "修改记录")
    distributions = lines(Distribution, "发放记录")

    spec = RecordType(
        code="CDC", zh="受控文件", en="Controlled document", source="000 footer, §6; 001 §6; 004 §6, 本程序修改记录",
        series=Series("CDC-{n:04}"),
        title="document_name",
        list=("number", "document_no", "document_name", "document_level", "version", "issued_on",
              "review_due_on", "state"),
        search=("number", "document_no", "document_name"),
        filters=("state", "document_level", "issued_on", "review_due_on"),
        retention_years=10,
        workflow=Workflow(
            states(("draft", "草稿"), ("in_approval", "审批中"), ("approved", "已批准"), ("effective", "现行有效"),
                ("obsolete", "作废")),
            moves=(
                Move("submit", "提交审核", "Submit for review", source=("draft",), to="in_approval",
                    by=("quality_engineer",),
                    requires=("document_no", "document_name", "version", "drafted_by", "document_file"),
                    opens_round=True),
                Move("approve", "批准", source=("in_approval",), to="approved", by=(SIGNER,),
                    stamps=("reviewed_by", "approved_by"), signs=True),
                Move("send_back", "退回", source=("in_approval",), to="draft", by=(SIGNER,), comment=True,
                    signs=True),
                # THEN the document named in replaces becomes obsolete
                Move("issue", "发布", source=("approved",), to="effective",
                    by=("quality_engineer", "quality_manager"),
                    requires=("effective_on", "distributions"), stamps=("issued_on",)),
                Move("obsolete", "作废", "Make obsolete", source=("effective",), to="obsolete",
                    by=("quality_manager", SYSTEM), stamps=("obsoleted_on",), comment=True),
            ),
            approval=(Step("quality_manager"), Step("management_representative")),
        ),
        deadlines=(
            Deadline("review", "review_due_on", tell=("quality_engineer", "quality_manager")),
        ),
        access={
            "customer_service": "V", "dispatcher": "V", "technician": "V", "quality_engineer": "CEVX",
            "quality_manager": "AV", "sales": "V", "sales_lead": "V", "dealer": "V", "appraiser": "V",
            "unit": "V", "unit_lead": "V", "warehouse": "V", "finance": "V", "deputy_gm": "V",
            "management_representative": "AV", "general_manager": "V", "evaluator": "V",
        },
        rules=(
            "drafted_by, reviewed_by and approved_by are three different people",
            "every printout carries the mark 非受控, since a printed copy of the electronic file is not "
            "controlled (000 footer)",
            "at most one version of a document_no is effective; issuing a new one makes the old one "
            "obsolete the same day",
            "document_no and version together are unique",
            "an effective or obsolete document cannot be edited; a change is a new version that names "
            "the old one in replaces",
            "a record prints the document_no and version of the form that was effective when the record "
            "was created",
        ),
    )
