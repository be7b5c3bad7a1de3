"""受控文件."""

import sqlalchemy as sa

from models.base import (
    Line, Record, choice, day, file, integer, lines, link, longtext, moment, person, text, unit,
    yes_no,
)
from models.conditions import actor_is_not, is_changed
from models.history import Signature
from models.spec import (
    SIGNER, SYSTEM, Deadline, Default, Move, RecordType, Series, Step, Text, Workflow, states,
)


# What is still filled in once the document is approved.
LATER = ("effective_on", "review_due_on")


def retire_replaced(document, act) -> None:
    """The version that this one replaces, and any other of the same number, is no longer in force."""
    same = act.find("controlled_document", document_no=document.document_no, state="effective")
    replaced = act.get("controlled_document", document.replaces_id)
    said, act.comment = act.comment, f"{document.document_no} {document.version}"
    for other in {id(row): row for row in (*same, replaced) if row is not None and row is not document}.values():
        if other.state == "effective":
            act.make(other, "obsolete")
    act.comment = said


def form_in_force(session, type_name, on) -> tuple[str, ...]:
    """Number and version of the printed form of a record type that was in force on a day; nothing if there was none."""
    cls = ControlledDocument
    found = session.execute(sa.select(cls.document_no, cls.version).where(
        cls.form_of == type_name, cls.state.in_(("effective", "obsolete")), cls.effective_on <= on,
        sa.or_(cls.obsoleted_on.is_(None), cls.obsoleted_on > on),
    ).order_by(cls.effective_on.desc(), cls.id.desc()).limit(1)).first()
    return tuple(found or ())


def name_approver(document, act) -> None:
    """The last to sign approves it; who signed before in this round has reviewed it."""
    document.approved_by_id, document.reviewed_by_id = act.actor.id, act.session.scalar(
        sa.select(Signature.signed_by_id).where(
            Signature.type == document.spec.name, Signature.record_id == document.id, Signature.state == "signed",
            Signature.signed_by_id != act.actor.id).order_by(Signature.round.desc(), Signature.step.desc()).limit(1))


class Change(Line, of="controlled_document"):
    """What was changed from one version to the next."""

    version = text("版本/修改码", required=True)
    changed_on = day("修改日期", required=True)
    change_text = text("修改内容", required=True)
    changed_by = text("修改人", origin="P")


class Distribution(Line, of="controlled_document"):
    """A copy that a department holds."""

    recipient_unit = unit("发放部门", required=True, origin="P")
    copy_no = text("分发号", origin="P")
    received_by_id = person("签收人", origin="P")
    received_at = moment("签收时间", origin="P")


class ControlledDocument(Record):
    """Registered by the quality department for every procedure, standard and form in force, with who
    drafted, reviewed and approved it and what was changed."""

    document_no = text("文件编号", required=True, group=("文件", "Document"), help=(
        "如 SPS-QM-P-01-04", "Such as SPS-QM-P-01-04"))
    document_name = text("文件名称", required=True)
    document_level = choice("文件层次", ("manual", "手册"), ("procedure", "程序文件"),
        ("work_instruction", "作业指导书"), ("record_form", "记录表格"),
        ("external", "外来文件", "External document"), required=True, origin="P")
    version = text("版本/修改码", required=True, origin="P", help=("如 A/0", "Such as A/0"))
    page_count = integer("页数")
    issued_on = day("发布/修订日期")
    effective_on = day("实施日期", origin="P")
    drafted_by_id = person("编制", required=True, default=Default.CURRENT_USER, group=("编制、审核与批准", "Drafting and approval"))
    reviewed_by_id = person("审核", system=True)
    approved_by_id = person("批准", system=True)
    is_controlled = yes_no("受控", required=True, default=True, group=("正文与修改", "Text and changes"))
    document_file_id = file("文件正文", origin="P")
    change_summary = longtext("修改内容")
    replaces_id = link("controlled_document", "替代文件", origin="P")
    form_of = text("对应记录类型", origin="X", help=(
        "记录类型的英文名，如 visit_report", "The name of the record type whose printed form this is"))
    review_due_on = day("下次评审日期", origin="P")
    obsoleted_on = day("作废日期", origin="P")
    changes = lines(Change, "修改记录")
    distributions = lines(Distribution, "发放记录")

    def check(self, act):
        if self.state == "approved" and act.move is None:
            typed = [name for name, field in self.spec.fields.items() if field.typed and name not in LATER]
            for name in (*typed, "changes"):
                if is_changed(self, name):
                    yield name, Text("已批准，内容不能再改；请作废后重新登记", "It is approved: void it and register it anew")
        if self.form_of and self.form_of not in self.types:
            yield "form_of", Text("没有这个记录类型", "There is no such record type")
        replaced = act.get("controlled_document", self.replaces_id)
        if replaced is self:
            yield "replaces", Text("不能替代自己", "It cannot replace itself")

    spec = RecordType(
        code="CDC", zh="受控文件", en="Controlled document", source="000 footer, §6; 001 §6; 004 §6, 本程序修改记录",
        series=Series("CDC-{n:04}"),
        title="document_name", unique=(("document_no", "version"),),
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
                    signs=True, when=(actor_is_not("drafted_by"),), then=name_approver),
                Move("send_back", "退回", source=("in_approval",), to="draft", by=(SIGNER,), comment=True,
                    signs=True),
                Move("issue", "发布", source=("approved",), to="effective",
                    by=("quality_engineer", "quality_manager"),
                    requires=("effective_on", "distributions"), stamps=("issued_on",), then=retire_replaced),
                Move("obsolete", "作废", "Make obsolete", source=("effective",), to="obsolete",
                    by=("quality_manager", SYSTEM), stamps=("obsoleted_on",), comment=True),
            ),
            approval=(Step("quality_manager"), Step("management_representative")),
        ),
        deadlines=(
            Deadline("review", "review_due_on", warn="expiry_warning_days", during=("effective",),
                     tell=("quality_engineer", "quality_manager")),
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
