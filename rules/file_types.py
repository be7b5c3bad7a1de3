"""What may be attached: a file is taken for what its bytes say, never for what its name says.

The list is closed and short, so its signatures stand here; libraries that know a thousand formats guess (the best of
them takes any ZIP for a Word document, and knows neither an iPhone's HEIC nor GB18030). What cannot be recognised is
refused, with the reason.
"""

from __future__ import annotations

import codecs
import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from models.spec import Refused, Text

EMPTY = Text("“{name}”是空文件", "“{name}” is empty")
PROGRAM = Text("“{name}”是程序或脚本，不能上传", "“{name}” is a program or script: it cannot be taken")
PAGE = Text("“{name}”是网页或 SVG 图形，里面可能有脚本，不能上传；请改传图片或 PDF",
            "“{name}” is a web page or SVG drawing, which may hold scripts: give a picture or PDF instead")
ARCHIVE = Text("“{name}”是压缩包，不能上传；请解开后逐个上传", "“{name}” is an archive: unpack it and give its files")
BOMB = Text("“{name}”解开后异常大，不能上传", "“{name}” would unpack to far too much: it cannot be taken")
MACROS = Text("“{name}”带有宏，不能上传；请另存为不带宏的格式", "“{name}” holds macros: save it without them")
LOCKED = Text("“{name}”设有打开密码，无法检查；请去掉密码再上传", "“{name}” is locked by a password: take it away first")
UNKNOWN = Text(
    "“{name}”的内容不是能收的类型。能收照片（JPEG、PNG、WebP、GIF、HEIC）、PDF、Word、Excel、PowerPoint、"
    "文本和 CSV（UTF-8 或 GB18030）、视频（MP4、MOV）",
    "“{name}” is of no kind that can be taken. Photos (JPEG, PNG, WebP, GIF, HEIC), PDF, Word, Excel, PowerPoint, text "
    "and CSV (UTF-8 or GB18030) and videos (MP4, MOV) can")


@dataclass(frozen=True)
class FileType:
    """`endings`: what a name of this type may end in; one that ends otherwise gets the first."""

    media_type: str
    endings: tuple[str, ...]


JPEG = FileType("image/jpeg", ("jpg", "jpeg", "jfif"))
PNG = FileType("image/png", ("png",))
GIF = FileType("image/gif", ("gif",))
WEBP = FileType("image/webp", ("webp",))
HEIC = FileType("image/heic", ("heic", "heif"))
PDF = FileType("application/pdf", ("pdf",))
MP4 = FileType("video/mp4", ("mp4", "m4v"))
MOV = FileType("video/quicktime", ("mov", "qt"))
_OPEN_XML = "application/vnd.openxmlformats-officedocument."
DOCX = FileType(_OPEN_XML + "wordprocessingml.document", ("docx",))
XLSX = FileType(_OPEN_XML + "spreadsheetml.sheet", ("xlsx",))
PPTX = FileType(_OPEN_XML + "presentationml.presentation", ("pptx",))
# The last ending of each is what WPS calls the same.
DOC = FileType("application/msword", ("doc", "wps"))
XLS = FileType("application/vnd.ms-excel", ("xls", "et"))
PPT = FileType("application/vnd.ms-powerpoint", ("ppt", "pps", "dps"))
CSV = FileType("text/csv", ("csv",))
TEXT = FileType("text/plain", ("txt", "log", "md", "tsv"))

ACCEPTED = (JPEG, PNG, GIF, WEBP, HEIC, PDF, MP4, MOV, DOCX, XLSX, PPTX, DOC, XLS, PPT, CSV, TEXT)
# What a browser shows by itself; the rest is only handed out.
SHOWN = frozenset(kind.media_type for kind in (JPEG, PNG, GIF, WEBP, PDF))
PICTURES = frozenset(kind.media_type for kind in (JPEG, PNG, GIF, WEBP))

HEAD = 4096
_PROGRAMS = (b"\x7fELF", b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe",
             b"\xca\xfe\xba\xbe", b"\0asm", b"dex\n", b"L\0\0\0\x01\x14\x02\0", b"#!")
_ARCHIVES = (b"Rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c", b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"MSCF")
_MARKUP = re.compile(rb"<(?:!doctype\s+html|html|head|body|script|iframe|svg|object|embed|\?xml)\b|^\s*<!--", re.I)
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"}
_MP4_BRANDS = {b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V ", b"MSNV"}


class _No(Exception):
    """The file is refused; the sentence still lacks its name."""

    def __init__(self, text: Text) -> None:
        self.text = text


def recognise(path: Path, name: str) -> FileType:
    """What the file is. Raises Refused with the reason why it cannot be taken; `name` tells only text from CSV."""
    try:
        with path.open("rb") as file:
            return _recognised(file, file.read(HEAD), name)
    except _No as no:
        raise Refused(no.text.with_(name=name)) from None


def _recognised(file: IO[bytes], head: bytes, name: str) -> FileType:
    if not head:
        raise _No(EMPTY)
    for look in (_picture_or_pdf, _film):
        if found := look(head):
            return found
    if head.startswith(_PROGRAMS) or (head.startswith(b"MZ") and b"\0" in head):
        raise _No(PROGRAM)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _open_xml(file)
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return _old_office(file)
    if head.startswith(_ARCHIVES):
        raise _No(ARCHIVE)
    return _text(file, head, name)


def _picture_or_pdf(head: bytes) -> FileType | None:
    if head.startswith(b"\xff\xd8\xff"):
        return JPEG
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if head.startswith((b"GIF87a", b"GIF89a")):
        return GIF
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return WEBP
    return PDF if head.removeprefix(codecs.BOM_UTF8).lstrip(b"\r\n\t ").startswith(b"%PDF-") else None


def _film(head: bytes) -> FileType | None:
    """Everything in boxes: the first one lists the brands, the main one first."""
    if head[4:8] != b"ftyp":
        return None
    length = int.from_bytes(head[:4], "big")
    box = head[8:min(length, HEAD)]
    brands = {box[:4], *(box[at:at + 4] for at in range(8, len(box), 4))}
    if brands & _HEIC_BRANDS:
        return HEIC
    if box[:4] == b"qt  ":
        return MOV
    return MP4 if brands & _MP4_BRANDS else None


# Office, new: a ZIP -----------------------------------------------------------------------------------------------

MOST_PARTS, MOST_DIRECTORY = 10_000, 4 << 20
MOST_UNPACKED, UNPACKED_UNASKED, MOST_TIMES = 1 << 30, 50 << 20, 200
_MAIN_PARTS = {b"wordprocessingml.document.main+xml": DOCX, b"spreadsheetml.sheet.main+xml": XLSX,
               b"presentationml.presentation.main+xml": PPTX}


def _open_xml(file: IO[bytes]) -> FileType:
    """What its table of contents says is the main part. A ZIP that says nothing is an archive."""
    try:
        packed = _check_directory(file)
        with zipfile.ZipFile(file) as archive:
            unpacked = sum(part.file_size for part in archive.infolist())
            if unpacked > MOST_UNPACKED or unpacked > max(UNPACKED_UNASKED, packed * MOST_TIMES):
                raise _No(BOMB)
            with archive.open("[Content_Types].xml") as part:
                contents = part.read(1 << 20)
    except KeyError:
        raise _No(ARCHIVE) from None
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error, EOFError, ValueError, struct.error):
        raise _No(UNKNOWN) from None
    if re.search(rb"vbaProject|macroEnabled", contents, re.I):
        raise _No(MACROS)
    found = next((kind for name, kind in _MAIN_PARTS.items() if name in contents), None)
    if found is None:
        raise _No(UNKNOWN)
    return found


def _check_directory(file: IO[bytes]) -> int:
    """The size of the ZIP. Its directory is read as a whole, so it is looked at first: a made-up one could be endless."""
    size = file.seek(0, 2)
    tail_from = file.seek(max(0, size - 66_000))
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    _, _, _, _, parts, length, _, _ = struct.unpack("<4s4H2LH", tail[at:at + 22])
    is_long = tail[max(0, at - 20):at].startswith(b"PK\x06\x07")   # ZIP64, which no document needs
    if at < 0 or is_long or parts > MOST_PARTS or length > min(MOST_DIRECTORY, tail_from + at):
        raise _No(UNKNOWN)
    return size


# Office, old: a file system in a file -----------------------------------------------------------------------------

_STREAMS = {"WordDocument": DOC, "Workbook": XLS, "Book": XLS, "PowerPoint Document": PPT}
_LAST_SECTOR = 0xFFFFFFFA


def _old_office(file: IO[bytes]) -> FileType:
    try:
        names = _stream_names(file)
    except (struct.error, IndexError, UnicodeDecodeError):
        raise _No(UNKNOWN) from None
    if "EncryptedPackage" in names:
        raise _No(LOCKED)
    if "_VBA_PROJECT" in names:
        raise _No(MACROS)
    found = next((kind for name, kind in _STREAMS.items() if name in names), None)
    if found is None:
        raise _No(UNKNOWN)
    return found


def _stream_names(file: IO[bytes]) -> set[str]:
    """The names in the directory: a chain of sectors, which the allocation table continues."""
    file.seek(0)
    head = file.read(512)
    shift, at, more = (struct.unpack_from(kind, head, place)[0] for kind, place in (("<H", 30), ("<L", 48), ("<L", 68)))
    size = {9: 512, 12: 4096}.get(shift, 0)
    sector = _sectors(file, size)
    tables = list(struct.unpack("<109L", head[76:512]))
    for _ in range(64):
        if more >= _LAST_SECTOR:
            break
        *further, more = struct.unpack(f"<{size // 4}L", sector(more))
        tables += further
    names = set()
    for _ in range(256):
        if at >= _LAST_SECTOR:
            break
        names |= set(_names_in(sector(at)))
        table, place = divmod(at, size // 4)
        at = struct.unpack_from("<L", sector(tables[table]), 4 * place)[0]
    return names


def _sectors(file: IO[bytes], size: int) -> Callable[[int], bytes]:
    def sector(number: int) -> bytes:
        file.seek((number + 1) * size)
        found = file.read(size)
        if not size or len(found) < size:
            raise IndexError(number)
        return found
    return sector


def _names_in(sector: bytes) -> list[str]:
    entries = [sector[at:at + 128] for at in range(0, len(sector), 128)]
    lengths = [struct.unpack_from("<H", entry, 64)[0] for entry in entries]   # in bytes, with the zero at the end
    return [entry[:max(0, length - 2)].decode("utf-16-le")
            for entry, length in zip(entries, lengths, strict=True) if entry[66]]


# Text -------------------------------------------------------------------------------------------------------------

_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f]")


def _text(file: IO[bytes], head: bytes, name: str) -> FileType:
    if _MARKUP.search(head):
        raise _No(PAGE)
    if not any(_reads_as(file, encoding) for encoding in ("utf-8", "gb18030")):
        raise _No(UNKNOWN)
    return CSV if name.lower().endswith(".csv") else TEXT


def _reads_as(file: IO[bytes], encoding: str) -> bool:
    """All of it, piece by piece, and nothing in it that no text has."""
    decoder = codecs.getincrementaldecoder(encoding)()
    file.seek(0)
    try:
        while piece := file.read(1 << 16):
            if _UNPRINTABLE.search(decoder.decode(piece)):
                return False
        return not _UNPRINTABLE.search(decoder.decode(b"", final=True))
    except UnicodeDecodeError:
        return False
