"""Reading pages as people and their tools do: the rows of a list, the cells of a CSV, what a page lacks."""

from __future__ import annotations

import csv
import html
import io
import re

TAG = re.compile(r"<[^>]+>")


def text_of(page):
    """What is to be read on the page, entities resolved."""
    return html.unescape(TAG.sub(" ", page))


def squeezed(fragment):
    return " ".join(html.unescape(TAG.sub("", fragment)).split())


def ids_of(page):
    """The ids of the rows of a list, in order."""
    return [int(found) for found in re.findall(r'<tr data-href="[^"]*\?id=(\d+)"', page)]


def headers_of(page):
    table = re.search(r'<table class="list">(.*?)</table>', page, re.S)
    return [squeezed(cell) for cell in re.findall(r"<th\b[^>]*>(.*?)</th>", table[1], re.S)] if table else []


def cells_of(page):
    """id -> the texts of the row's cells."""
    rows = re.findall(r'<tr data-href="[^"]*\?id=(\d+)">(.*?)</tr>', page, re.S)
    return {int(id_): [squeezed(cell) for cell in re.findall(r"<td\b[^>]*>(.*?)</td>", row, re.S)] for id_, row in rows}


def csv_of(data):
    """(header, rows) of a CSV that begins with a BOM and ends its lines with CRLF."""
    assert data.startswith(b"\xef\xbb\xbf"), "a Chinese Excel needs the BOM"
    text = data.decode("utf-8-sig")
    assert (text.endswith("\r\n") and text.count("\n") == text.count("\r\n")) or '"' in text
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    return header, rows


# Faults of a page -------------------------------------------------------------------------------------------------

CONTROL = re.compile(r"<(input|select|textarea)\b([^>]*)>")
SCRIPT = re.compile(r"<script\b[^>]*>(.*?)</script>", re.S)
HEADER = re.compile(r"<th\b([^>]*)>")
ATTRIBUTE = re.compile(r"""<[a-zA-Z][^<>]*?\s(style|on[a-z]+)\s*=""")


def faults_of(page):
    """What the Content-Security-Policy or a screen reader would stumble over."""
    found = []
    if not re.search(r'<html lang="(zh-CN|en)"', page):
        found.append("no language on <html>")
    found += [f"inline script: {code[:40]}" for code in SCRIPT.findall(page) if code.strip()]
    if "<style" in page:
        found.append("a <style> element")
    found += [f"{name}= in a tag" for name in ATTRIBUTE.findall(page)]
    found += [f"<th{attributes}> without scope" for attributes in HEADER.findall(page) if "scope=" not in attributes]
    return found + _unlabelled(page)


def _unlabelled(page):
    labelled = set(re.findall(r'<label\b[^>]*\bfor="([^"]+)"', page))
    inside = {control for label in re.findall(r"<label\b[^>]*>(.*?)</label>", page, re.S)
              for control in CONTROL.findall(label)}
    found = []
    for kind, attributes in CONTROL.findall(page):
        id_ = re.search(r'\bid="([^"]+)"', attributes)
        named = "aria-label" in attributes or (id_ and id_[1] in labelled) or (kind, attributes) in inside
        if 'type="hidden"' not in attributes and not named:
            found.append(f"<{kind}{attributes}> without a label")
    return found
