"""Files on records: what may come in is told by its bytes, who may add, open and remove it by the record; nothing that was
attached gets lost, and whatever is changed behind it is found."""

from __future__ import annotations

import codecs
import io
import os
import re
import stat
import struct
import threading
import zipfile
import zlib
from datetime import timedelta
from urllib.parse import quote

import pytest
import sqlalchemy as sa

from admin_views import attached, uploads
from models.base import Record, db
from models.files import Attachment
from models.history import AuditEntry
from models.spec import ROLES, VOID, Refused
from rules import access, attachments, audit, file_store, file_types, moves, office, records
from rules.act import Act
from tests import reading, valid
from tests.browser_of_a_person import Person, fields_of, problems
from tests.casebook import Casebook, done, told
from tests.valid import TYPES, desk

PLAN, CARD, VIOLATION = "visit_plan", "info_flow_card", "conduct_violation"
JSON = {"Accept": "application/json"}


@pytest.fixture
def book(app):
    return Casebook(app)


@pytest.fixture
def plan(book):
    """A draft of sales; the type has no private fields."""
    return book.person("sales").create(PLAN, book.visit_plan())


def png(text=""):
    """A picture of one dot, which says something that nobody sees."""
    def chunk(kind, data):
        return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">LLBBBBB", 1, 1, 8, 0, 0, 0, 0))
            + chunk(b"tEXt", b"said\0" + text.encode()) + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b""))


def attach(person, type_name, id_, *files, **options):
    """`files` are (bytes, name)."""
    data = {"files": [(io.BytesIO(content), name) for content, name in files]}
    return person.post(f"/admin/{type_name}/{id_}/attachments", data, **options)


def heavy(person, address, size, name="files"):
    """A file of so many bytes in one request; by hand, because the test client keeps a large body in a file of its own."""
    head = (f'--cut\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\n{person.token()}\r\n'
            f'--cut\r\nContent-Disposition: form-data; name="{name}"; filename="long.txt"\r\n\r\n')
    body = head.encode() + b"x" * size + b"\r\n--cut--\r\n"
    return person.client.post(address, data=body, content_type="multipart/form-data; boundary=cut")


def opened(person, type_name, id_, file_id, ending="", **options):
    """The answer, read to its end."""
    return person.get(f"/admin/{type_name}/{id_}/attachments/{file_id}{ending}", buffered=True, **options)


def one_file(person, type_name, id_, content=b"", name="照片.png"):
    """The id of a file just attached."""
    done(attach(person, type_name, id_, (content or png(name), name)))
    return rows(person.app, type=type_name, record_id=id_)[-1].id


def rows(app, **equals):
    with desk(app) as session:
        found = session.scalars(sa.select(Attachment).filter_by(**equals).order_by(Attachment.id)).all()
        session.expunge_all()
        return found


def entries(app, type_name, id_):
    with desk(app) as session:
        found = session.scalars(sa.select(AuditEntry).where(
            AuditEntry.type == type_name, AuditEntry.record_id == id_).order_by(AuditEntry.id)).all()
        session.expunge_all()
        return found


def verified(app):
    with desk(app) as session:
        return [text.en for text in audit.verify(session)]


def lies(sha256):
    return file_store.path_of(sha256)


def everything_in_the_store():
    return sorted(path for path in lies("00").parent.parent.rglob("*") if path.is_file())


# What may come in -----------------------------------------------------------------------------------------------------

def zipped(**parts):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name.replace("__", "/"), content)
    return held.getvalue()


def crowded(count, comment=b"", limit=zipfile.ZIP_FILECOUNT_LIMIT):
    """A Word document with so many further parts; beyond the limit its directory is written in the long form."""
    held, usual = io.BytesIO(office_file("wordprocessingml.document")), zipfile.ZIP_FILECOUNT_LIMIT
    zipfile.ZIP_FILECOUNT_LIMIT = limit
    with zipfile.ZipFile(held, "a") as archive:
        for n in range(count):
            part = zipfile.ZipInfo(f"{n}")
            part.comment = comment
            archive.writestr(part, b"")
    zipfile.ZIP_FILECOUNT_LIMIT = usual
    return held.getvalue()


def office_file(main, *, extra=""):
    contents = f'<Types><Override ContentType="application/vnd.openxmlformats-officedocument.{main}.main+xml"/>{extra}</Types>'
    return zipped(**{"_rels__.rels": "<Relationships/>", "word__document2.xml": "<x/>", "[Content_Types].xml": contents})


def old_office(*names, sectors=1):
    """A compound file whose directory lists these streams, spread over so many sectors."""
    listed = ["Root Entry", *["filling"] * (4 * (sectors - 1)), *names]
    directory = b"".join(
        (name.encode("utf-16-le").ljust(64, b"\0") + struct.pack("<HBB", 2 * len(name) + 2, 2, 0)).ljust(128, b"\0") for name in listed)
    directory = directory.ljust(-(-len(directory) // 512) * 512, b"\0")
    count = len(directory) // 512
    chain = [*range(2, count + 1), 0xFFFFFFFE]   # the table is sector 0, the directory behind it
    table = struct.pack(f"<L{count}L", 0xFFFFFFFD, *chain).ljust(512, b"\xff")
    head = (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6)).ljust(48, b"\0")
    head += struct.pack("<L", 1) + bytes(16) + struct.pack("<LL", 0xFFFFFFFE, 0)
    return head.ljust(76, b"\0") + struct.pack("<L", 0) + b"\xff" * (512 - 80) + table + directory


def film(*brands):
    box = brands[0] + bytes(4) + b"".join(brands[1:])
    return struct.pack(">L", 8 + len(box)) + b"ftyp" + box + b"\0\0\0\x08mdat"


GOOD = {
    "photo.jpg": (b"\xff\xd8\xff\xe0\0\x10JFIF\0", "image/jpeg"), "照片.JPEG": (b"\xff\xd8\xff\xe1\0\x10Exif\0", "image/jpeg"),
    "图.png": (png(), "image/png"), "a.gif": (b"GIF89a\1\0\1\0", "image/gif"), "b.webp": (b"RIFF\x1a\0\0\0WEBPVP8L", "image/webp"),
    "IMG_0001.HEIC": (film(b"heic", b"mif1", b"heic"), "image/heic"), "IMG_2.heic": (film(b"mif1", b"miaf", b"heic"), "image/heic"),
    "签字单.pdf": (b"%PDF-1.7\n", "application/pdf"), "with a mark.pdf": (codecs.BOM_UTF8 + b"\r\n%PDF-1.4", "application/pdf"),
    "现场.mp4": (film(b"isom", b"iso2", b"avc1", b"mp41"), "video/mp4"), "b.MOV": (film(b"qt  "), "video/quicktime"),
    "phone.mp4": (film(b"mp42", b"isom", b"mp42"), "video/mp4"),
    "报告.docx": (office_file("wordprocessingml.document"), file_types.DOCX.media_type),
    "表.xlsx": (office_file("spreadsheetml.sheet"), file_types.XLSX.media_type),
    "b.pptx": (office_file("presentationml.presentation"), file_types.PPTX.media_type),
    "many photos.docx": (crowded(900), file_types.DOCX.media_type),
    "旧.doc": (old_office("WordDocument", "1Table"), "application/msword"), "旧.wps": (old_office("WordDocument"), "application/msword"),
    "旧.xls": (old_office("Workbook", sectors=3), "application/vnd.ms-excel"), "x.xls": (old_office("Book"), "application/vnd.ms-excel"),
    "旧.ppt": (old_office("PowerPoint Document"), "application/vnd.ms-powerpoint"),
    "说明.txt": ("第一行\n第二行".encode(), "text/plain"), "u.csv": (codecs.BOM_UTF8 + "编号,名称\r\n".encode(), "text/csv"),
    "国标.csv": ("编号,名称，䶮㐂\r\n1,螺栓".encode("gb18030"), "text/csv"), "MZ.txt": (b"MZ-100, bolt", "text/plain"),
}


@pytest.mark.parametrize("name", GOOD)
def test_what_an_office_attaches_is_taken_for_what_it_is(app, name):
    content, media_type = GOOD[name]
    upload = attachments.take_in(io.BytesIO(content), name, 1)
    assert (upload.media_type, upload.name, upload.size) == (media_type, name, len(content))
    assert lies(upload.sha256).read_bytes() == content


MACROS = '<Override ContentType="application/vnd.ms-office.vbaProject"/>'
IN_CIRCLES = old_office("Nothing").replace(struct.pack("<LL", 0xFFFFFFFD, 0xFFFFFFFE), struct.pack("<LL", 0xFFFFFFFD, 1))
ENDLESS_DIRECTORY = zipped(a="x")[:-12] + struct.pack("<LLH", 0xFFFFFFF0, 0, 0)
BAD = {
    "空.jpg": (b"", "是空文件", "is empty"),
    "photo.jpg": (b"<!DOCTYPE html><script>alert(1)</script>", "网页或 SVG", "web page"),
    "logo.svg": (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="x()"/>', "网页或 SVG", "SVG drawing"),
    "bare.svg": (b"  <svg/>", "网页或 SVG", "SVG drawing"), "hidden.txt": (b"hello\n<ScRiPt>x</script>", "网页或 SVG", "web page"),
    "photo.png": (b"MZ\x90\0\3\0\0\0", "程序或脚本", "program or script"), "tool": (b"\x7fELF\2\1\1\0", "程序或脚本", "program"),
    "run.txt": (b"#!/bin/sh\nrm -rf /", "程序或脚本", "program or script"), "a.class": (b"\xca\xfe\xba\xbe\0\0", "程序或脚本", "program"),
    "photos.zip": (zipped(a="x"), "压缩包", "archive"), "b.rar": (b"Rar!\x1a\x07\x01\0", "压缩包", "archive"),
    "tool.docx": (zipped(**{"META-INF__MANIFEST.MF": "x", "a.class": "y"}), "压缩包", "archive"),
    "宏.xlsm": (office_file("spreadsheetml.sheet", extra=MACROS), "带有宏", "macros"),
    "图.vsdx": (office_file("drawing"), "不是能收的类型", "of no kind"),
    "宏.doc": (old_office("WordDocument", "Macros", "_VBA_PROJECT"), "带有宏", "macros"),
    "锁.xlsx": (old_office("EncryptionInfo", "EncryptedPackage"), "打开密码", "locked by a password"),
    "setup.msi": (old_office("SummaryInformation"), "不是能收的类型", "of no kind"),
    "bomb.docx": (zipped(**{"[Content_Types].xml": "x", "word__document.xml": bytes(60 << 20)}), "解开后异常大", "unpack to far too much"),
    "endless.docx": (ENDLESS_DIRECTORY, "不是能收的类型", "of no kind"),
    "wide.docx": (crowded(80, bytes(60_000)), "不是能收的类型", "of no kind"),
    "many.docx": (crowded(10_000), "不是能收的类型", "of no kind"),
    "long.docx": (crowded(1, limit=0), "不是能收的类型", "of no kind"), "cut.docx": (zipped(a="x")[:30], "不是能收的类型", "of no kind"),
    "cut.doc": (old_office("WordDocument")[:700], "不是能收的类型", "of no kind"),
    "loop.doc": (IN_CIRCLES, "不是能收的类型", "of no kind"),
    "u16.txt": ("编号".encode("utf-16"), "不是能收的类型", "of no kind"), "bits.csv": (bytes(range(256)), "不是能收的类型", "of no kind"),
    "a.avif": (film(b"avif", b"mif1", b"miaf"), "不是能收的类型", "of no kind"), "half.txt": (b"half a sign\x81", "不是能收的", "no kind"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_may_do_harm_or_cannot_be_recognised_is_refused_in_both_languages(app, name):
    content, zh, en = BAD[name]
    before = everything_in_the_store()
    with pytest.raises(Refused) as no:
        attachments.take_in(io.BytesIO(content), name, 100)
    assert zh in no.value.reason.zh and en in no.value.reason.en
    assert f"“{name}”" in no.value.reason.zh and f"“{name}”" in no.value.reason.en
    assert everything_in_the_store() == before, "nothing of it stays, not even half"


@pytest.mark.parametrize(("given", "kept"), [
    ("现场照片 1.png", "现场照片 1.png"), (r"C:\Users\王\合同.png", "合同.png"), ("../../etc/合同.png", "合同.png"),
    ("a\0b\x1f\x7f.png", "ab.png"), ("x\u202egnp.exe", "xgnp.exe.png"), ("合同.exe", "合同.exe.png"), ("合同", "合同.png"),
    ("page.html", "page.html.png"), ("照片.PNG", "照片.PNG"), ("", "file.png"), ("/", "file.png"), (" .. ", "file.png"),
    ("a\r\nSet-Cookie: x=1.png", "aSet-Cookie: x=1.png"), ("\ud800坏.png", "坏.png"), ("e\u0301.png", "é.png"),
    ("长" * 300 + ".png", "长" * 196 + ".png"), ("长" * 300, "长" * 196 + ".png"), ('<b>"引号"</b>.png', "b>.png")])
def test_the_name_stays_but_for_what_cannot_be_in_one(app, given, kept):
    upload = attachments.take_in(io.BytesIO(png()), given, 1)
    assert upload.name == kept and len(upload.name) <= attachments.NAME_LENGTH


def test_a_file_that_is_a_byte_too_large_is_refused_and_leaves_nothing(app):
    text = b"x" * (1 << 20)
    assert attachments.take_in(io.BytesIO(text), "a.txt", 1).size == 1 << 20
    before = everything_in_the_store()
    with pytest.raises(Refused) as no:
        attachments.take_in(io.BytesIO(text + b"x"), "a.txt", 1)
    assert "最多 1 MB" in no.value.reason.zh and everything_in_the_store() == before


class Tap(io.RawIOBase):
    """So many bytes of text, handed out as they are asked for; remembers how many were wanted at once."""

    def __init__(self, length):
        self.left, self.most = length, 0

    def read(self, size=-1):
        self.most = max(self.most, size if size >= 0 else 1 << 40)
        piece, self.left = b"x" * min(size, self.left), self.left - min(size, self.left)
        return piece


def test_a_large_file_is_never_in_memory_as_a_whole(app):
    tap = Tap(40 << 20)
    assert attachments.take_in(tap, "long.txt", 50).size == 40 << 20
    assert tap.most <= file_store.PIECE and tap.left == 0


def test_nobody_else_on_the_machine_reads_the_store(app):
    path = lies(attachments.take_in(io.BytesIO(png("s")), "a.png", 1).sha256)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in (path.parent, path.parent.parent)} == {0o700}


# Adding ---------------------------------------------------------------------------------------------------------------

def test_several_files_come_at_once_and_are_told_in_the_panel_and_the_history(app, book, plan):
    sales = book.person("sales")
    answer = done(attach(sales, PLAN, plan, (png("1"), "现场照片.png"), (b"%PDF-1.4", "签字单.pdf")))
    assert answer.location.endswith(f"?id={plan}#page-files")
    page = sales.get(answer.location).text
    assert "已添加 2 个附件" in page and page.count('class="file-name"') == 2 and "添加附件" in page
    first, second = rows(app, record_id=plan)
    assert (first.name, first.type, first.media_type, first.field) == ("现场照片.png", PLAN, "image/png", "")
    assert first.uploaded_by_id == book.user("sales") and first.removed_at is None
    assert f'<img src="/admin/{PLAN}/{plan}/attachments/{first.id}"' in page and "PDF</span>" in page
    entry = entries(app, PLAN, plan)[-1]
    assert (entry.action, entry.actor_id, entry.revision) == ("attach", book.user("sales"), 2)
    assert [one["added"] for one in entry.changes["+files"]] == [
        {"id": row.id, "field": "", "name": row.name, "media_type": row.media_type, "size": row.size, "sha256": row.sha256}
        for row in (first, second)]
    assert not verified(app)
    english = book.person("sales").get(f"/admin/{PLAN}/details/?id={plan}&lang=en").text
    assert "Attached files" in english and "Add photos or files" in english


def test_good_files_are_kept_though_others_are_refused(app, book, plan):
    answer = done(attach(book.person("sales"), PLAN, plan, (b"<html>", "坏.html"), (png(), "好.png"), (b"", "空.txt")))
    page = book.person("sales").get(answer.location).text
    assert "已添加 1 个附件" in page and "“坏.html”是网页" in page and "“空.txt”是空文件" in page
    assert [row.name for row in rows(app, record_id=plan)] == ["好.png"]


def test_if_none_can_be_kept_the_page_says_why(app, book, plan):
    sales = book.person("sales")
    for files, sentence in (((), "请选择要上传的文件"), (((b"<html>", "a.html"),), "“a.html”是网页"), (((b"", ""),), "请选择")):
        answer = attach(sales, PLAN, plan, *files)
        assert answer.status_code == 422 and sentence in told(answer), problems(answer)
    assert not rows(app, record_id=plan) and len(entries(app, PLAN, plan)) == 1


def test_the_script_is_answered_in_its_own_words(book, plan):
    sales = book.person("sales")
    answer = attach(sales, PLAN, plan, (png(), "a.png"), (b"<html>", "b.html"), headers=JSON)
    assert (answer.status_code, answer.json["count"]) == (200, 1) and "“b.html”" in answer.json["problems"][0]
    answer = attach(sales, PLAN, plan, (b"<html>", "b.html"), headers=JSON)
    assert (answer.status_code, answer.json["count"]) == (422, 0)
    answer = attach(book.person("deputy_gm"), PLAN, plan, (png(), "a.png"), headers=JSON)
    assert answer.status_code == 403 and answer.json["problems"]


def test_the_same_file_is_not_attached_twice_but_another_of_the_same_name_is(app, book, plan):
    sales = book.person("sales")
    done(attach(sales, PLAN, plan, (png("1"), "照片.png")))
    answer = attach(sales, PLAN, plan, (png("1"), "照片.png"))
    assert answer.status_code == 422 and "“照片.png”已经在附件里" in told(answer)
    done(attach(sales, PLAN, plan, (png("2"), "照片.png"), (png("2"), "照片.png")))
    assert len(rows(app, record_id=plan)) == 2


def test_size_and_count_are_parameters(app, book, plan):
    sales = book.person("sales")
    book.set_parameter("attachment_count", "2")
    book.set_parameter("attachment_megabytes", "1")
    answer = done(attach(sales, PLAN, plan, *((png(str(n)), f"{n}.png") for n in range(3))))
    page = sales.get(answer.location).text
    assert "“2.png”放不下了：每条记录最多 2 个附件" in page and "单个最多 1 MB" in page and 'data-upload="1"' in page
    done(sales.post(f"/admin/{PLAN}/{plan}/attachments/{rows(app, record_id=plan)[0].id}/remove"))
    answer = heavy(sales, f"/admin/{PLAN}/{plan}/attachments", (1 << 20) + 1)
    assert answer.status_code == 422 and "“long.txt”超过 1 MB" in told(answer)
    done(attach(sales, PLAN, plan, (png("2"), "2.png")))
    boss = book.person("administrator")
    for value, status in (("0", 422), ("201", 422), ("1.5", 422), ("200", 302)):
        assert boss.post("/admin/parameters/", {"name": "attachment_megabytes", "value": value}).status_code == status, value


# Too much -------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("language", "sentence"), [("zh", "一次最多提交"), ("en", "at once")])
def test_a_request_over_the_limit_is_refused_with_a_sentence(app, book, plan, language, sentence):
    book.set_parameter("attachment_megabytes", "1")
    sales = Person(app, "sales", language)
    sales.token()
    most = app.config["MAX_CONTENT_LENGTH"] + (uploads.AT_ONCE << 20)
    address = f"/admin/{PLAN}/{plan}/attachments"
    answer = heavy(sales, address, most)
    assert answer.status_code == 413 and sentence in answer.text and f"{most >> 20} MB" in answer.text
    assert not list(reading.faults_of(answer.text)) and not rows(app, record_id=plan)
    book.set_parameter("attachment_megabytes", "9")
    assert heavy(sales, address, most).status_code == 422, "there is room for it now: the file is too large"


@pytest.mark.parametrize("address", [f"/admin/{PLAN}/new/", f"/admin/{PLAN}/1/comments", "/sign-in"])
def test_elsewhere_no_more_than_a_form_comes_in(app, book, address):
    assert heavy(book.person("sales"), address, app.config["MAX_CONTENT_LENGTH"]).status_code == 413


def test_who_is_not_signed_in_sends_no_more_than_a_form(app, book, plan):
    stranger = Person(app, "sales")
    stranger.client = app.test_client()
    stranger._token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', stranger.client.get("/sign-in").text)[1]
    assert heavy(stranger, f"/admin/{PLAN}/{plan}/attachments", app.config["MAX_CONTENT_LENGTH"]).status_code == 413


# Who may --------------------------------------------------------------------------------------------------------------

@pytest.mark.once
def test_who_edits_or_makes_a_next_move_adds_and_nobody_else(app):
    """Every type in every state, for every role: computed by the rule, and compared with the words of the declaration."""
    wrong, seen = [], set()
    for name, spec in TYPES.items():
        with desk(app) as session:
            for state in spec.workflow.states:
                row = valid.record(session, name, state.name)
                for role in ROLES:
                    actor = valid.actor_of(session, role)
                    row_seen = access.may(actor, "view", spec, row)
                    act = Act(session, actor)
                    verdict = attachments.may_add(act, row)
                    on_the_page = attachments.may_add(act, row, moves.offered(act, row))
                    editor = bool(access.may(actor, "edit", spec, row))
                    mover = any(moves.may_move(session, actor, row, move) for move in spec.workflow.moves_from(state.name)
                                if not move.calls_off)
                    wanted = not spec.workflow.is_terminal(state.name) and (editor or mover)
                    seen.add((wanted, editor, mover))
                    if bool(verdict) != wanted or bool(on_the_page) != wanted or (verdict and not row_seen):
                        wrong.append((name, state.name, role, bool(verdict), wanted))
            session.rollback()
    assert not wrong
    assert {(True, True, False), (True, False, True), (False, False, False)} <= seen


def test_the_rule_itself_refuses_who_may_not_add(app, plan):
    with desk(app) as session:
        record = session.get(TYPES[PLAN].model, plan)
        upload = attachments.take_in(io.BytesIO(png()), "a.png", 1)
        with pytest.raises(Refused):
            attachments.add(Act(session, valid.actor_of(session, "deputy_gm")), record, [upload])
        assert attachments.add(Act(session, access.Actor.system()), record, [upload]) == [], "a job may"
        session.rollback()


def test_a_signer_adds_and_who_could_only_call_it_off_does_not(app, book, plan):
    done(book.person("sales").move(PLAN, plan, "submit"))
    assert attach(book.person("sales"), PLAN, plan, (png(), "a.png")).status_code == 403
    done(attach(book.person("quality_manager"), PLAN, plan, (png(), "签字.png")))
    page = book.person("sales").get(f"/admin/{PLAN}/details/?id={plan}").text
    assert "附件由能修改记录的人" in page and 'name="files"' not in page and "签字.png" in page


def test_what_has_ended_takes_no_more_files_and_loses_none(app, book, plan):
    sales = book.person("sales")
    file = one_file(sales, PLAN, plan)
    for state, sentence in ((VOID, "记录已作废，附件不能再增减"), ("completed", "记录已结束")):
        book.as_it_was(PLAN, plan, state=state)
        for username in ("sales", "administrator"):
            person = book.person(username)
            answer = attach(person, PLAN, plan, (png("new"), "new.png"))
            assert answer.status_code == 403 and sentence in told(answer), problems(answer)
            answer = person.post(f"/admin/{PLAN}/{plan}/attachments/{file}/remove")
            assert answer.status_code == 403 and sentence in answer.text
        assert opened(sales, PLAN, plan, file).status_code == 200
    assert [row.removed_at for row in rows(app, record_id=plan)] == [None] and not verified(app)


def test_the_uploader_or_an_editor_removes_and_the_row_stays(app, book, plan):
    sales, signer = book.person("sales"), book.person("quality_manager")
    first, second = one_file(sales, PLAN, plan, name="一.png"), one_file(sales, PLAN, plan, name="二.png")
    answer = signer.post(f"/admin/{PLAN}/{plan}/attachments/{first}/remove")
    assert answer.status_code == 403 and "附件只能由上传人或能修改记录的人移除" in answer.text
    answer = done(sales.post(f"/admin/{PLAN}/{plan}/attachments/{first}/remove"))
    page = sales.get(answer.location).text
    assert "附件已移除" in page and page.count('class="file-name"') == 1 and "<del>一.png</del>" in page
    gone, _ = rows(app, record_id=plan)
    assert gone.removed_by_id == book.user("sales") and gone.removed_at and lies(gone.sha256).is_file()
    assert opened(sales, PLAN, plan, first).status_code == 404
    assert sales.post(f"/admin/{PLAN}/{plan}/attachments/{first}/remove").status_code == 404
    entry = entries(app, PLAN, plan)[-1]
    assert entry.action == "detach" and entry.changes["+files"][0]["removed"]["sha256"] == gone.sha256
    with desk(app) as session:
        act = Act(session, valid.actor_of(session, "quality_manager"))
        other = session.get(Attachment, second)
        other.uploaded_by_id = act.actor.id   # suppose it were theirs: they edit nothing here
        assert attachments.may_remove(act.actor, session.get(Record.types[PLAN].model, plan), other)
        session.rollback()
    assert not verified(app)


def test_nothing_is_taken_away_under_the_eyes_of_who_signs(book, plan):
    sales = book.person("sales")
    file = one_file(sales, PLAN, plan)
    done(sales.move(PLAN, plan, "submit"))
    answer = sales.post(f"/admin/{PLAN}/{plan}/attachments/{file}/remove")
    assert answer.status_code == 403 and "记录正在会签" in answer.text


def test_who_signs_has_seen_the_files_and_who_edits_is_not_disturbed_by_them(book, plan):
    sales, signer = book.person("sales"), book.person("quality_manager")
    before = sales.form(f"/admin/{PLAN}/edit/?id={plan}")
    one_file(sales, PLAN, plan)
    done(sales.post(f"/admin/{PLAN}/edit/?id={plan}", {**before, "title": "改名"}))
    done(sales.move(PLAN, plan, "submit"))
    seen = book.read(PLAN, plan).revision
    done(attach(signer, PLAN, plan, (png("late"), "late.png")))
    stale = signer.move(PLAN, plan, "approve", revision=seen)
    assert stale.status_code == 409 and "quality_manager 先生" in told(stale), "it says who changed what was seen"
    done(signer.move(PLAN, plan, "approve"))


def test_an_edit_between_is_still_noticed_though_files_came_too(book, plan):
    sales = book.person("sales")
    before = sales.form(f"/admin/{PLAN}/edit/?id={plan}")
    one_file(sales, PLAN, plan)
    done(sales.edit(PLAN, plan, title="别人改的"))
    one_file(sales, PLAN, plan, name="二.png")
    assert sales.post(f"/admin/{PLAN}/edit/?id={plan}", {**before, "title": "我改的"}).status_code == 409
    for forged in ("0", "99", ""):
        assert sales.post(f"/admin/{PLAN}/edit/?id={plan}", {**before, "revision": forged}).status_code == 409


# Opening --------------------------------------------------------------------------------------------------------------

@pytest.mark.once
def test_a_file_opens_for_who_sees_the_record_and_may_see_private_fields_plainly(app):
    """Every type, every role that sees some of its records and not others; the others knock in tests/test_doors.py,
    and see a card here."""
    people, wrong, count = {role: Person(app, valid.username(role)) for role in ROLES}, [], 0
    for name, spec in TYPES.items():
        with desk(app) as session:
            files = {}
            for place in valid.PLACES:
                row = valid.record(session, name, place=place)
                files[place] = row.id, valid.a_file(session, f"{name} {place}.txt", type=name, record_id=row.id).id
        for role in ROLES if name == CARD else spec.scope:
            person = people[role]
            for place, (id_, file_id) in files.items():
                with desk(app) as session:
                    row = session.get(spec.model, id_)
                    actor = valid.actor_of(session, role)
                    sees, writes = access.may(actor, "view", spec, row), access.sees_private(actor, spec)
                wanted = 403 if not valid.sees(spec, role) else 404 if not sees else 200 if writes or not spec.holds_private else 403
                answer = opened(person, name, id_, file_id)
                count += wanted == 200
                if answer.status_code != wanted or (wanted == 200) != (answer.data == f"{name} {place}.txt".encode()):
                    wrong.append((name, place, role, answer.status_code, wanted))
                page = person.get(f"/admin/{name}/details/?id={id_}").text
                if (f"{name} {place}.txt" in page) != (wanted == 200):
                    wrong.append((name, place, role, "its name on the page", wanted))
    assert not wrong and count > 50


def test_names_of_files_are_no_more_plain_in_the_history_than_in_the_panel(app, book):
    card = book.person("technician").create(CARD, book.flow_card())
    one_file(book.person("technician"), CARD, card, name="张三的身份证.png")
    page = book.person("quality_manager").get(f"/admin/{CARD}/details/?id={card}").text
    assert "身份证.png" in page, "the quality manager writes such cards"
    page = book.person("deputy_gm").get(f"/admin/{CARD}/details/?id={card}").text
    assert "身份证" not in page and "附件里可能有个人信息" in page and "添加附件" in page and "＊＊＊" in page


def test_who_uncovers_a_record_with_a_reason_opens_its_files_for_a_while(app, book, monkeypatch):
    card = book.person("technician").create(CARD, book.flow_card())
    other = book.person("technician").create(CARD, book.flow_card())
    file = one_file(book.person("technician"), CARD, card, name="身份证.png")
    hers = one_file(book.person("technician"), CARD, other, name="别人的.png")
    reader = book.person("deputy_gm")
    assert opened(reader, CARD, card, file).status_code == 403
    assert "身份证.png" in reader.post(f"/admin/{CARD}/{card}/uncover", {"reason": "核对"}).text
    assert opened(reader, CARD, card, file).status_code == 200
    assert opened(reader, CARD, other, hers).status_code == 403
    later = office.now() + timedelta(seconds=attached.UNCOVERED_FOR)
    monkeypatch.setattr(office, "now", lambda: later)
    assert opened(reader, CARD, card, file).status_code == 403


def test_a_file_is_found_only_at_its_own_record(app, book, plan):
    sales = book.person("sales")
    other = sales.create(PLAN, book.visit_plan())
    file = one_file(sales, PLAN, plan)
    for address in (f"{PLAN}/{other}/attachments/{file}", f"customer/{plan}/attachments/{file}", f"{PLAN}/{plan}/attachments/{file + 1}",
                    f"{PLAN}/{plan}/attachments/{10**30}", f"{PLAN}/{plan}/attachments/0", f"{PLAN}/999999/attachments/{file}"):
        assert sales.get(f"/admin/{address}").status_code == 404, address
        assert sales.post(f"/admin/{address}/remove").status_code == 404, address


SHOWN = {"a.jpg": b"\xff\xd8\xff\xe0\0\x10JFIF\0", "b.png": png(), "c.pdf": b"%PDF-1.4"}
HANDED_OUT = {"d.txt": b"x", "e.csv": b"a,b", "f.mp4": film(b"isom"), "g.heic": film(b"heic"), "h.docx": GOOD["报告.docx"][0]}


@pytest.mark.parametrize("name", [*SHOWN, *HANDED_OUT])
def test_pictures_and_pdfs_are_shown_where_nothing_can_act_and_the_rest_is_handed_out(book, plan, name):
    sales = book.person("sales")
    chinese = f"现场 {name}"
    file = one_file(sales, PLAN, plan, {**SHOWN, **HANDED_OUT}[name], chinese)
    answer = opened(sales, PLAN, plan, file)
    told_name = answer.headers["Content-Disposition"]
    assert told_name.startswith("inline" if name in SHOWN else "attachment") and f"filename*=UTF-8''{quote(chinese)}" in told_name
    assert opened(sales, PLAN, plan, file, "?download=1").headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["X-Content-Type-Options"] == "nosniff" and answer.data == {**SHOWN, **HANDED_OUT}[name]
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox; ") and "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    assert answer.headers["Cache-Control"] == "private, no-cache" and answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    again = opened(sales, PLAN, plan, file, headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304
    part = opened(sales, PLAN, plan, file, headers={"Range": "bytes=0-0"})
    assert part.status_code == 206 and part.data == answer.data[:1], "films can be wound forward"


def test_files_of_types_with_personal_data_stay_in_no_cache(book):
    card = book.person("technician").create(CARD, book.flow_card())
    file = one_file(book.person("technician"), CARD, card)
    assert opened(book.person("technician"), CARD, card, file).headers["Cache-Control"] == "no-store"


def test_a_file_that_is_gone_is_said_to_be_gone(app, book, plan):
    sales = book.person("sales")
    file = one_file(sales, PLAN, plan)
    lies(rows(app, id=file)[0].sha256).unlink()
    answer = opened(sales, PLAN, plan, file)
    assert answer.status_code == 404 and "文件不见了" in answer.text


# Nothing gets lost ----------------------------------------------------------------------------------------------------

class Crash(BaseException):
    """The power fails here."""


@pytest.mark.parametrize("where", ["write", "fsync", "recognise", "replace", "row", "commit"])
def test_a_crash_leaves_no_row_without_its_bytes(app, book, plan, monkeypatch, where):
    def fail(*_, **__):
        raise Crash
    place = {"write": (file_store.hashlib, "sha256"), "fsync": (os, "fsync"), "recognise": (file_types, "recognise"),
             "replace": (os, "replace"), "row": (attachments, "_row"), "commit": (records, "flush")}[where]
    monkeypatch.setattr(*place, fail)
    with pytest.raises(Crash):
        attach(book.person("sales"), PLAN, plan, (png(where), f"{where}.png"))
    monkeypatch.undo()
    assert all(lies(row.sha256).is_file() for row in rows(app)) and not rows(app, record_id=plan)
    assert not [path for path in everything_in_the_store() if path.parent.name == "incoming"]
    assert not verified(app) and book.read(PLAN, plan).revision == 1


def test_the_bytes_are_on_the_disk_before_the_row(app, book, plan, monkeypatch):
    """Written under another name, synced, renamed, and the folder synced: in this order, and all before the row."""
    acts = []

    def noting(module, name, told):
        real = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *a, **k: (acts.append(told(*a)), real(*a, **k))[1])
    noting(os, "fsync", lambda descriptor: "sync folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "sync file")
    noting(os, "replace", lambda source, target: f"rename {source.parent.name}")
    noting(attachments, "_row", lambda *_: "row")
    done(attach(book.person("sales"), PLAN, plan, (png("order"), "a.png")))
    order = [acts.index("sync file"), acts.index("rename incoming"), acts.index("sync folder", acts.index("rename incoming")),
             acts.index("row")]
    assert order == sorted(order)


def test_two_who_attach_at_once_both_do_and_the_chain_holds(app, book, plan):
    barrier, answers = threading.Barrier(4), []
    people = [Person(app, "sales") for _ in range(4)]
    for person in people:
        person.token()

    def send(person, n):
        barrier.wait()
        answers.append(attach(person, PLAN, plan, (png(f"{n}"), f"{n}.png")).status_code)
    threads = [threading.Thread(target=send, args=pair) for pair in zip(people, range(4), strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [302] * 4 and len(rows(app, record_id=plan)) == 4
    assert book.read(PLAN, plan).revision == 5 and not verified(app)


# The proof ------------------------------------------------------------------------------------------------------------

def test_the_proof_finds_a_changed_or_missing_file_and_a_changed_row(app, book, plan):
    sales = book.person("sales")
    first = one_file(sales, PLAN, plan, name="一.png")
    gone = one_file(sales, PLAN, plan, name="旧.png")
    done(sales.post(f"/admin/{PLAN}/{plan}/attachments/{gone}/remove"))
    assert not verified(app)
    for id_ in (first, gone):   # one that was removed is kept all the same
        path = lies(rows(app, id=id_)[0].sha256)
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        [sentence] = verified(app)
        assert "was changed behind its audit" in sentence and f"Customer visit plan id {plan}" in sentence
        path.unlink()
        assert "is missing in the file store" in verified(app)[0] and len(verified(app)) == 1
        path.write_bytes(content)
    table = Attachment.__table__
    stands = rows(app, id=first)[0]
    for column, value in (("name", "x.png"), ("size", 1), ("sha256", rows(app, id=gone)[0].sha256), ("record_id", plan + 1),
                          ("type", "customer"), ("media_type", "text/html"), ("field", "x"), ("removed_at", office.now())):
        _behind(app, sa.update(table).where(table.c.id == first).values({column: value}))
        assert any("is not what the audit says" in said for said in verified(app)), column
        _behind(app, sa.update(table).where(table.c.id == first).values({column: getattr(stands, column)}))
    _behind(app, sa.delete(table).where(table.c.id == first))
    assert ["was deleted behind its audit" in said for said in verified(app)] == [True]


def test_the_proof_finds_a_file_that_no_entry_tells_of(app, book, plan):
    with desk(app) as session:
        valid.a_file(session, "untergeschoben.txt", type=PLAN, record_id=plan)
    assert ["is not what the audit says" in said for said in verified(app)] == [True]


def test_the_command_says_which_file_does_not_hold(app, book, plan):
    file = one_file(book.person("sales"), PLAN, plan, name="合同.png")
    assert app.test_cli_runner().invoke(args=["audit", "verify"]).exit_code == 0
    lies(rows(app, id=file)[0].sha256).write_bytes(b"other")
    broken = app.test_cli_runner().invoke(args=["audit", "verify"])
    assert broken.exit_code == 1 and "附件“合同.png”的内容被改动" in broken.output


def test_attaching_the_same_bytes_again_heals_what_was_changed(app, book, plan):
    sales = book.person("sales")
    file = one_file(sales, PLAN, plan, png("heal"), "一.png")
    lies(rows(app, id=file)[0].sha256).write_bytes(b"other")
    assert len(verified(app)) == 1
    one_file(sales, PLAN, plan, png("heal"), "二.png")
    assert not verified(app)


def _behind(app, statement):
    with app.app_context():
        db.session.execute(statement)
        db.session.commit()
        db.session.remove()


# File fields of forms -------------------------------------------------------------------------------------------------

@pytest.fixture
def violation(app):
    with desk(app) as session:
        return valid.record(session, VIOLATION, creator="customer_service").id


def edited(person, id_, **changes):
    return person.edit(VIOLATION, id_, **changes)


def evidence(book, id_):
    return book.read(VIOLATION, id_).evidence


def test_a_file_field_takes_a_file_keeps_it_replaces_it_and_lets_it_go(app, book, violation):
    clerk = book.person("customer_service")
    form = clerk.get(f"/admin/{VIOLATION}/edit/?id={violation}").text
    assert 'enctype="multipart/form-data"' in form and re.search(r'<input type="file" id="evidence" name="evidence"', form)
    done(edited(clerk, violation, evidence=(io.BytesIO(png("1")), "证据一.png")))
    first = evidence(book, violation)
    row = rows(app, id=first)[0]
    assert (row.type, row.record_id, row.field, row.name) == (VIOLATION, violation, "evidence", "证据一.png")
    entry = entries(app, VIOLATION, violation)[-1]
    assert entry.action == "edit" and entry.changes["evidence"] == [None, first]
    assert entry.changes["+files"][0]["added"]["sha256"] == row.sha256
    page = clerk.get(f"/admin/{VIOLATION}/details/?id={violation}").text
    assert f'<a href="/admin/{VIOLATION}/{violation}/attachments/{first}">证据一.png</a>' in page
    assert "证据一.png" in clerk.get(f"/admin/{VIOLATION}/edit/?id={violation}").text
    done(edited(clerk, violation, description="别的都不动"))
    assert evidence(book, violation) == first
    done(edited(clerk, violation, evidence=(io.BytesIO(png("2")), "证据二.png")))
    second = evidence(book, violation)
    assert second != first and rows(app, id=first)[0].removed_by_id == book.user("customer_service")
    page = reading.text_of(clerk.get(f"/admin/{VIOLATION}/details/?id={violation}").text)
    assert re.search(r"证据一\.png\s+→\s+改为\s+证据二\.png", page), "the history names both"
    done(edited(clerk, violation, evidence__away="1"))
    assert evidence(book, violation) is None and rows(app, id=second)[0].removed_at and not verified(app)


def test_the_file_of_a_field_is_removed_in_the_form_only(app, book, violation):
    clerk = book.person("customer_service")
    done(edited(clerk, violation, evidence=(io.BytesIO(png()), "证据.png")))
    file = evidence(book, violation)
    answer = clerk.post(f"/admin/{VIOLATION}/{violation}/attachments/{file}/remove")
    assert answer.status_code == 403 and "它填在“证据”里" in answer.text
    assert f"attachments/{file}/remove" not in clerk.get(f"/admin/{VIOLATION}/details/?id={violation}").text


def test_what_came_with_a_refused_form_is_kept_and_said_to_be_kept(app, book, violation):
    clerk = book.person("customer_service")
    address = f"/admin/{VIOLATION}/edit/?id={violation}"
    answer = edited(clerk, violation, description="", evidence=(io.BytesIO(png("kept")), "证据.png"))
    assert answer.status_code == 422 and "证据.png（已上传，不必重选；保存后生效）" in answer.text
    again = fields_of(answer.text)
    staged = rows(app, id=int(again["evidence__kept"]))[0]
    assert staged.record_id is None and staged.uploaded_by_id == book.user("customer_service") and evidence(book, violation) is None
    done(clerk.post(address, {**again, "description": "补上"}))
    assert evidence(book, violation) == staged.id and rows(app, id=staged.id)[0].record_id == violation
    before = clerk.form(address)
    done(edited(clerk, violation, description="在另一个窗口先改"))
    answer = clerk.post(address, {**before, "description": "后改", "evidence": (io.BytesIO(png("late")), "新证据.png")})
    assert answer.status_code == 409 and "新证据.png（已上传" in answer.text and "证据.png" in answer.text
    done(clerk.post(address, fields_of(answer.text)))
    assert rows(app, id=evidence(book, violation))[0].name == "新证据.png" and not verified(app)


def test_a_file_of_no_kind_is_told_at_its_field_with_all_else_that_is_wrong(book, violation):
    clerk = book.person("customer_service")
    answer = edited(clerk, violation, description="", evidence=(io.BytesIO(b"<html>"), "页.html"))
    assert answer.status_code == 422 and "“页.html”是网页" in told(answer) and "请填写“违规情况”" in told(answer)
    answer = edited(clerk, violation, description="只有文件不对", evidence=(io.BytesIO(b"<html>"), "页.html"))
    assert answer.status_code == 422 and "“页.html”是网页" in told(answer)
    assert book.read(VIOLATION, violation).description != "只有文件不对", "nothing is half saved"


def test_a_new_form_brings_its_file(app, book):
    clerk = book.person("customer_service")
    with desk(app) as session:
        form = valid.posted(valid.raw(session, TYPES[VIOLATION], role="customer_service"))
    answer = clerk.post(f"/admin/{VIOLATION}/new/", {**form, "description": "", "evidence": (io.BytesIO(png("n")), "证据.png")})
    assert answer.status_code == 422
    kept = fields_of(answer.text)["evidence__kept"]
    assert clerk.post(f"/admin/{VIOLATION}/new/", {**form, "description": "", "evidence__kept": kept}).text.count("证据.png（已上传") == 1
    id_ = clerk.create(VIOLATION, {**form, "evidence__kept": kept})
    assert evidence(book, id_) == int(kept) and rows(app, id=int(kept))[0].record_id == id_
    answer = clerk.post(f"/admin/{VIOLATION}/new/", {**form, "evidence__kept": kept})
    assert answer.status_code == 422 and "“证据”找不到所选记录" in told(answer), "one file answers one record"
    assert not verified(app)


def test_nobody_points_a_form_at_a_file_that_is_not_theirs(app, book, violation):
    clerk, other = book.person("customer_service"), book.person("customer_service2")
    done(edited(clerk, violation, evidence=(io.BytesIO(png("m")), "我的.png")))
    with desk(app) as session:
        strange = valid.record(session, VIOLATION, creator="customer_service2").id
        staged = valid.a_file(session, "我还没保存的.txt", uploader="customer_service").id
        somewhere = valid.a_file(session, "别处的.txt", type=PLAN, record_id=1).id
    for forged in (evidence(book, violation), staged, somewhere, 10**17, "x", "-1"):
        answer = edited(other, strange, evidence__kept=str(forged))
        assert answer.status_code == 422 and "“证据”找不到所选记录" in told(answer), forged
        assert not re.search("我的.png|我还没保存的|别处的", answer.text), "a forged id gets no name"
        page = other.get(f"/admin/{VIOLATION}/new/?evidence={forged}").text
        assert not re.search("我的.png|我还没保存的|别处的", page)
    assert evidence(book, strange) is None and rows(app, id=staged)[0].record_id is None


def test_words_in_place_of_a_file_change_nothing(book, violation):
    clerk = book.person("customer_service")
    done(edited(clerk, violation, evidence=(io.BytesIO(png("w")), "证据.png")))
    file, form = evidence(book, violation), clerk.form(f"/admin/{VIOLATION}/edit/?id={violation}")
    del form["evidence__kept"]
    for words in ("", "77", "证据.png"):
        done(clerk.post(f"/admin/{VIOLATION}/edit/?id={violation}", {**form, "revision": book.read(VIOLATION, violation).revision,
                                                                  "evidence": words}))
        assert evidence(book, violation) == file


def test_who_may_not_edit_puts_nothing_into_the_store(app, book, violation):
    before = everything_in_the_store()
    for username, address in (("deputy_gm", f"{VIOLATION}/edit/?id={violation}"), ("deputy_gm", f"{VIOLATION}/new/"),
                              ("deputy_gm", f"{VIOLATION}/{violation}/moves/verify"), ("deputy_gm", f"{VIOLATION}/{violation}/attachments"),
                              ("dealer_f001", f"{VIOLATION}/{violation}/attachments")):
        sent = {name: (io.BytesIO(png(address)), "x.png") for name in ("evidence", "files")}
        assert book.person(username).post(f"/admin/{address}", {**sent, "revision": "1"}).status_code in (403, 404), address
    assert everything_in_the_store() == before and not rows(app)


def test_a_file_goes_out_as_its_name(app, book, violation):
    clerk = book.person("quality_engineer")
    done(edited(book.person("customer_service"), violation, evidence=(io.BytesIO(png("x")), "=证据.png")))
    header, lines = reading.csv_of(clerk.get(f"/admin/{VIOLATION}/export/csv/?header=names").data)
    assert lines[0][header.index("evidence")] == "'=证据.png"
    _, lines = reading.csv_of(book.person("quality_manager").get(f"/admin/{VIOLATION}/export/csv/").data)
    assert "证据.png" not in str(lines), "the name of a file is as private as the rest"
