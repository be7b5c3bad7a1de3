"""Reading what is carried away: the text of a PDF, page by page, and the sheets of a workbook."""

from __future__ import annotations

import io

from pypdf import PdfReader
from python_calamine import CalamineWorkbook


def pages(data):
    """The text of each page without any white space: lines end where there was room."""
    assert data.startswith(b"%PDF"), data[:200]
    return ["".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(data)).pages]


def printed(person, type_name, *ids, query=""):
    """The pages of the records' paper forms."""
    answer = person.get(f"/admin/{type_name}/print/?{'&'.join(f'id={id_}' for id_ in ids)}{query}")
    assert (answer.status_code, answer.content_type) == (200, "application/pdf"), answer.text[:500]
    return pages(answer.data)


def whole(found):
    return "".join(found)


def sheets(data):
    """name -> rows of values, numbers and days as what they are."""
    book = CalamineWorkbook.from_filelike(io.BytesIO(data))
    return {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}


def calculated(person, type_name, id_):
    answer = person.get(f"/admin/{type_name}/details/xlsx/?id={id_}")
    assert answer.status_code == 200, answer.text[:500]
    return sheets(answer.data)


def rows_of(sheet):
    """The rows of a table by its headings."""
    header, *rows = sheet
    return [dict(zip(header, row, strict=True)) for row in rows]


def figures(found, language="zh"):
    """label -> value of the record itself."""
    return {row[0]: row[1] for row in found["数字" if language == "zh" else "Figures"][1:]}
