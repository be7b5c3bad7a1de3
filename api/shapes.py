"""What somebody may read, and under which names: of a record, of a row of its tables, of a person, of a file.

What is not in a shape does not exist for its reader, in whatever part of a query it is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from models.base import Record
from models.files import Attachment
from models.people import User
from models.spec import Field, Kind, Lines, RecordType, Text
from rules import access, lists

PEOPLE, FILES = "users", "files"
ID = Field(Kind.INTEGER, Text("内部编号", "Id"), "id", "id")
REVISION = Field(Kind.INTEGER, Text("版本", "Revision"), "revision", "revision")
UPDATED_BY = Field(Kind.USER, Text("更新人", "Updated by"), "updated_by", "updated_by_id")
OF_PEOPLE = (
    ID, Field(Kind.TEXT, Text("姓名", "Name"), "name", "name"),
    Field(Kind.TEXT, Text("用户名", "User name"), "username", "username"))
OF_FILES = (
    ID, Field(Kind.TEXT, Text("文件名", "File name"), "filename_download", "name"),
    Field(Kind.TEXT, Text("类型", "Type"), "type", "media_type"),
    Field(Kind.INTEGER, Text("大小", "Size"), "filesize", "size"),
    Field(Kind.DATETIME, Text("上传时间", "Uploaded on"), "uploaded_on", "uploaded_at"),
    Field(Kind.USER, Text("上传人", "Uploaded by"), "uploaded_by", "uploaded_by_id"))
POINTING = frozenset({Kind.LINK, Kind.USER, Kind.FILE})


@dataclass(frozen=True, eq=False)
class Shape:
    """The readable fields of one table. `spec` is the record type, also for the rows of its tables."""

    name: str
    model: Any
    fields: Mapping[str, Field]
    lines: Mapping[str, Lines] = field(default_factory=dict)
    spec: RecordType | None = None
    scope: Any = None            # the SQL condition that leaves what the reader may see; None for all

    def column(self, name: str) -> Any:
        return getattr(self.model, self.fields[name].column)

    def within(self, *conditions: Any) -> list[Any]:
        return [c for c in (self.scope, *conditions) if c is not None]


class Shapes:
    """The shapes of one reader, made when they are first asked for."""

    def __init__(self, actor: access.Actor) -> None:
        self.actor = actor
        self._made: dict[str, Shape | None] = {}

    def of_type(self, name: str) -> Shape | None:
        """The shape of a record type; None if the reader may not see any of its kind."""
        if name not in self._made:
            spec = Record.types.get(name)
            is_open = spec is not None and access.may(self.actor, "view", spec)
            self._made[name] = self._of_records(spec) if spec is not None and is_open else None
        return self._made[name]

    def _of_records(self, spec: RecordType) -> Shape:
        return Shape(spec.name, spec.model, record_fields(spec, self.actor), spec.lines, spec,
                     access.scope_clause(self.actor, spec))

    def of_lines(self, spec: RecordType, child: Lines) -> Shape:
        fields = {"id": ID, **_plain(child.fields, spec, self.actor)}
        return Shape(f"{spec.name}.{child.name}", child.model, fields, {}, spec)

    def of_target(self, pointing: Field) -> Shape | None:
        """What a link, person or file leads to."""
        if pointing.kind is Kind.USER:
            return Shape(PEOPLE, User, {f.name: f for f in OF_PEOPLE})
        if pointing.kind is Kind.FILE:
            return Shape(FILES, Attachment, {f.name: f for f in OF_FILES}, scope=Attachment.removed_at.is_(None))
        return self.of_type(pointing.to)


def record_fields(spec: RecordType, actor: access.Actor) -> dict[str, Field]:
    base = {name: lists.column_field(spec, name) for name in lists.BASE if name not in spec.fields}
    order = ("number", "state")
    return {"id": ID, **{name: base.pop(name) for name in order if name in base},
            **_plain(spec.fields, spec, actor), **base, "updated_by": UPDATED_BY, "revision": REVISION}


def _plain(fields: Mapping[str, Field], spec: RecordType, actor: access.Actor) -> dict[str, Field]:
    """Private fields are for those who write the type; for others they are not there at all."""
    shows_all = access.sees_private(actor, spec)
    return {name: f for name, f in fields.items() if shows_all or not f.private}


def readable_ids(shape: Shape, *conditions: Any) -> Any:
    """The ids of what the reader may see and the conditions leave; a subquery that refers to nothing around it."""
    return sa.select(shape.model.id).where(*shape.within(*conditions)).correlate(None)
