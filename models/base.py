"""The database handle, the Record and Line that every type is, and the words in which columns are declared.

The word is the type: `phone("联系电话", required=True)` declares column, label, check and screen at once, so no
annotation repeats it. Links are declared on the `_id` column (`customer_id = link("customer", "顾客")`); people and
programs know the field as `customer`, and `record.customer` is the record it points at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from hashlib import sha256
from itertools import combinations
from typing import Any, ClassVar

import sqlalchemy as sa
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedColumn, Relationship, foreign, mapped_column, relationship, remote

from models.choices import PROVINCES
from models.spec import AREAS, Default, Field, Kind, Lines, RecordType, Text, WrongDeclaration, choices, humanised


class Base(DeclarativeBase):
    metadata = sa.MetaData(naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s", "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s", "pk": "pk_%(table_name)s",
    })


db = SQLAlchemy(model_class=Base, session_options={"autoflush": False})

# SQLite lets one transaction write at a time and refuses to turn a reading one into a writing one once another has
# written. So a transaction says at its start whether it only reads; whoever says nothing may write.
_reading: ContextVar[bool] = ContextVar("reading", default=False)


@contextmanager
def reading():
    """Transactions that begin inside only read; they block nobody."""
    token = _reading.set(True)
    try:
        yield
    finally:
        _reading.reset(token)


SAFE = ("GET", "HEAD", "OPTIONS", "SEARCH")   # the methods of HTTP by which nothing is changed


def set_reading(reads_only: bool) -> None:
    """For a door that knows by the request's method; holds until the context ends."""
    _reading.set(reads_only)


@event.listens_for(Engine, "connect")
def _prepare(connection: Any, _record: Any) -> None:
    if "sqlite" not in type(connection).__module__:   # whatever zone the server is set to
        connection.execute("SET TIME ZONE 'UTC'")
        connection.commit()
        return
    connection.isolation_level = None  # we emit BEGIN ourselves, see _begin_sqlite
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "busy_timeout=30000",
                   "cache_size=-32000", "temp_store=MEMORY"):
        connection.execute(f"PRAGMA {pragma}")


@event.listens_for(Engine, "begin")
def _begin_sqlite(connection: sa.Connection) -> None:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN" if _reading.get() else "BEGIN IMMEDIATE")


class Exact(sa.types.TypeDecorator[Decimal]):
    """A decimal of fixed places, exact on both databases: NUMERIC, or on SQLite (which has none) a scaled integer."""

    impl = sa.Numeric
    cache_ok = True

    def __init__(self, places: int) -> None:
        super().__init__(18, places)
        self.places = places

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        return dialect.type_descriptor(
            sa.BigInteger() if dialect.name == "sqlite" else sa.Numeric(18, self.places))

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> Any:
        if value is None:
            return None
        exact = rounded(value, self.places)
        return int(exact.scaleb(self.places)) if dialect.name == "sqlite" else exact

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> Decimal | None:
        if value is None:
            return None
        if dialect.name == "sqlite":
            return rounded(Decimal(value).scaleb(-self.places), self.places)
        return rounded(value, self.places)


class Moment(sa.types.TypeDecorator[datetime]):
    """A moment in UTC to the whole second; always aware in Python. SQLite keeps text that sorts as time does."""

    impl = sa.DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        return dialect.type_descriptor(sa.DateTime(timezone=dialect.name != "sqlite"))

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise TypeError(f"a moment without a zone: {value!r}")
        moment = value.astimezone(UTC).replace(microsecond=0)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value if value.tzinfo is UTC else value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def rounded(value: Any, places: int = 2) -> Decimal:
    """ROUND_HALF_UP to `places`; the one way numbers are rounded, once, at the very end."""
    return Decimal(value).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


DAYS = frozenset({Kind.DATE, Kind.DATETIME, Kind.PERIOD})
PLACES = {Kind.MONEY: 2, Kind.DECIMAL: 4, Kind.PERCENT: 6}
Key = sa.BigInteger().with_variant(sa.Integer, "sqlite")


# The column words -----------------------------------------------------------------------------------------------

def _word(kind: Kind, sql_type: Any, zh: str, en: str | None, options: dict[str, Any], *keys: Any) -> Any:
    group = options.pop("group", None)
    help_ = options.pop("help", None)
    field = Field(
        kind=kind, label=Text(zh, en or ""), group=Text(*group) if group else None,
        help=Text(*help_) if help_ else None, **options,
    )
    return mapped_column(sql_type, *keys, nullable=True, info={"field": field})


def text(zh: str, en: str | None = None, *, length: int = 200, **options: Any) -> Mapped[str]:
    return _word(Kind.TEXT, sa.String(length), zh, en, {"length": length, **options})


def longtext(zh: str, en: str | None = None, **options: Any) -> Mapped[str]:
    return _word(Kind.LONGTEXT, sa.Text(), zh, en, {"length": 20_000, **options})


def phone(zh: str, en: str | None = None, **options: Any) -> Mapped[str]:
    return _word(Kind.PHONE, sa.String(50), zh, en, {"length": 50, **options})


def email(zh: str, en: str | None = None, **options: Any) -> Mapped[str]:
    return _word(Kind.EMAIL, sa.String(200), zh, en, {"length": 200, **options})


def signature(zh: str, en: str | None = None, **options: Any) -> Mapped[str]:
    """The name of whoever signed on paper, typed by the one who holds the paper."""
    return _word(Kind.SIGNATURE, sa.String(200), zh, en, {"length": 200, **options})


def choice(zh: str, *rows: Any, en: str | None = None, **options: Any) -> Mapped[str]:
    """`rows` are (value, Chinese, English) or one list made by `choices()` that several types share."""
    listed = rows[0] if len(rows) == 1 and hasattr(rows[0][0], "label") else choices(*rows)
    return _word(Kind.CHOICE, sa.String(50), zh, en, {"choices": listed, **options})


def multichoice(zh: str, *rows: Any, en: str | None = None, **options: Any) -> Mapped[list[str]]:
    listed = rows[0] if len(rows) == 1 and hasattr(rows[0][0], "label") else choices(*rows)
    return _word(Kind.MULTICHOICE, sa.JSON(), zh, en, {"choices": listed, **options})


def province(zh: str, en: str | None = None, **options: Any) -> Mapped[str]:
    return _word(Kind.PROVINCE, sa.String(20), zh, en, {"choices": PROVINCES, **options})


def unit(zh: str, en: str | None = None, **options: Any) -> Mapped[str]:
    """A department of the administrator's list, kept by its code."""
    return _word(Kind.UNIT, sa.String(50), zh, en, options)


def money(zh: str, en: str | None = None, **options: Any) -> Mapped[Decimal]:
    return _word(Kind.MONEY, Exact(2), zh, en, {"minimum": 0, "measure": "元", **options})


def decimal(zh: str, en: str | None = None, **options: Any) -> Mapped[Decimal]:
    return _word(Kind.DECIMAL, Exact(4), zh, en, {"minimum": 0, **options})


def percent(zh: str, en: str | None = None, **options: Any) -> Mapped[Decimal]:
    """A fraction: 0.886667 is shown as 88.67 %."""
    return _word(Kind.PERCENT, Exact(6), zh, en, options)


def integer(zh: str, en: str | None = None, **options: Any) -> Mapped[int]:
    return _word(Kind.INTEGER, sa.BigInteger(), zh, en, {"minimum": 0, **options})


def day(zh: str, en: str | None = None, **options: Any) -> Mapped[date]:
    return _word(Kind.DATE, sa.Date(), zh, en, options)


def moment(zh: str, en: str | None = None, **options: Any) -> Mapped[datetime]:
    return _word(Kind.DATETIME, Moment(), zh, en, options)


def period(zh: str, en: str | None = None, **options: Any) -> Mapped[str]:
    return _word(Kind.PERIOD, sa.String(7), zh, en, options)


def quarter(zh: str, en: str | None = None, **options: Any) -> Mapped[str]:
    return _word(Kind.QUARTER, sa.String(7), zh, en, options)


def yes_no(zh: str, en: str | None = None, **options: Any) -> Mapped[bool]:
    return _word(Kind.BOOL, sa.Boolean(), zh, en, options)


def link(to: str, zh: str, en: str | None = None, **options: Any) -> Mapped[int]:
    """A record of another type. Deferred, so that records which name each other can be loaded in any order."""
    key = sa.ForeignKey(f"{to}.id", deferrable=True, initially="DEFERRED")
    return _word(Kind.LINK, Key, zh, en, {"to": to, **options}, key)


def person(zh: str, en: str | None = None, **options: Any) -> Mapped[int]:
    return _word(Kind.USER, Key, zh, en, options, sa.ForeignKey("users.id", deferrable=True, initially="DEFERRED"))


def file(zh: str, en: str | None = None, **options: Any) -> Mapped[int]:
    """A file that the form asks for by name, kept by the id of its attachment."""
    key = sa.ForeignKey("attachments.id", deferrable=True, initially="DEFERRED")
    return _word(Kind.FILE, Key, zh, en, options, key)


def lines(model: type[Line], zh: str, en: str | None = None) -> Mapped[list[Any]]:
    """A child table, edited inside its record and kept in the order of the form."""
    child = relationship(
        model, order_by=model.position, foreign_keys=[model.record_id], cascade="all, delete-orphan", lazy="select",
        info={"lines": (model, Text(zh, en or ""))})
    return child  # type: ignore[return-value]


# What every type is -----------------------------------------------------------------------------------------------

def snake(class_name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", class_name).lower()


def camel(type_name: str) -> str:
    return "".join(word.capitalize() for word in type_name.split("_"))


def _points_at(cls: type, kind: Kind, column: str, field: Field) -> None:
    """`customer_id` gets its `customer`; a view only, the id is what is written. A record not yet flushed sees it too."""
    target = {Kind.USER: "User", Kind.FILE: "Attachment"}.get(kind) or camel(field.to)
    name = column.removesuffix("_id")
    setattr(cls, name, relationship(target, primaryjoin=lambda: _join(cls, column), viewonly=True, lazy="select", load_on_pending=True))


def _join(cls: Any, column: str) -> Any:
    key = next(iter(cls.__table__.c[column].foreign_keys))
    return foreign(cls.__table__.c[column]) == remote(key.column)


def _declare_fields(cls: type) -> dict[str, Field]:
    """Read the column words of a class body, in the order they were written, then those of what is mixed into it."""
    found: dict[str, Field] = {}
    for column, word in [pair for part in cls.__mro__ for pair in vars(part).items()]:
        if not isinstance(word, MappedColumn) or "field" not in word.column.info:
            continue
        field: Field = word.column.info["field"]
        points = field.kind in (Kind.LINK, Kind.USER, Kind.FILE)
        if points and not column.endswith("_id"):
            raise WrongDeclaration(f"{cls.__name__}.{column} is a link: name its column {column}_id.")
        name = column.removesuffix("_id") if points else column
        label = field.label if field.label.en else Text(field.label.zh, humanised(name))
        found[name] = word.column.info["field"] = replace(field, name=name, column=column, label=label)
        if points:
            _points_at(cls, field.kind, column, field)
    return found


class Line(db.Model):  # type: ignore[name-defined]
    """A row of a child table: `class Visit(Line, of="visit_plan")`."""

    __abstract__ = True
    fields: ClassVar[dict[str, Field]] = {}

    id: Mapped[int] = mapped_column(Key, primary_key=True, sort_order=-3)
    position: Mapped[int] = mapped_column(sa.Integer, default=0, sort_order=-1)

    def __init_subclass__(cls, of: str = "", **options: Any) -> None:
        cls.__tablename__ = f"{of}_{snake(cls.__name__)}"
        cls.fields = _declare_fields(cls)
        cls.record_id = mapped_column(
            Key, sa.ForeignKey(f"{of}.id", ondelete="CASCADE"), index=True, nullable=False, sort_order=-2)
        super().__init_subclass__(**options)
        for field in cls.fields.values():
            if field.kind is Kind.LINK:
                sa.Index(_short(f"ix_{cls.__tablename__}_{field.column}"), cls.__table__.c[field.column])


class Record(db.Model):  # type: ignore[name-defined]
    """What every record has besides its own fields. Never deleted, only voided with a reason."""

    __abstract__ = True
    spec: ClassVar[RecordType]
    types: ClassVar[dict[str, RecordType]] = {}

    id: Mapped[int] = mapped_column(Key, primary_key=True, sort_order=-3)
    number: Mapped[str | None] = mapped_column(sa.String(60), unique=True, sort_order=-2)
    state: Mapped[str] = mapped_column(sa.String(50), sort_order=-1)
    revision: Mapped[int] = mapped_column(sa.Integer, default=1, sort_order=90)
    department: Mapped[str | None] = mapped_column(sa.String(50), sort_order=91)
    created_at: Mapped[datetime] = mapped_column(Moment(), sort_order=94)
    updated_at: Mapped[datetime] = mapped_column(Moment(), sort_order=96)
    # What audit verify compares: the hash of the row with its lines, and the head of the chain of its audit entries.
    content_hash: Mapped[str] = mapped_column(sa.String(64), default="", sort_order=97)
    audit_head: Mapped[str] = mapped_column(sa.String(64), default="", sort_order=98)

    def __init_subclass__(cls, **options: Any) -> None:
        if "__tablename__" not in vars(cls):
            cls.__tablename__ = snake(cls.__name__)
        fields, children = _declare_fields(cls), _declare_lines(cls)
        for column, order in (("created_by_id", 93), ("updated_by_id", 95)):
            key = sa.ForeignKey("users.id", deferrable=True, initially="DEFERRED")
            setattr(cls, column, mapped_column(Key, key, sort_order=order))
            _points_at(cls, Kind.USER, column, Field(Kind.USER, Text("", "")))
        super().__init_subclass__(**options)
        cls.__mapper__.version_id_col = cls.__table__.c.revision
        cls.spec = _bound(cls, fields, children)
        Record.types[cls.spec.name] = cls.spec
        _index(cls)

    def is_as_kept(self, lines: str) -> bool:
        """Nobody has loaded this child table, so nobody has changed it (whoever changes a single row loads the rest)."""
        return bool(sa.inspect(self).persistent) and lines not in vars(self)

    def derive(self, act: Any) -> None:
        """Compute the derived fields from the record and its lines. Called before every save, on import too."""

    def check(self, act: Any) -> Any:
        """Yield (field path, Text) for what is wrong beyond required, lengths and choices."""
        return ()

    def edited(self, act: Any) -> None:
        """Somebody has changed it without a move, and it is kept: what follows from that for other records."""

    def start_from(self, source: Any, act: Any) -> None:
        """“Create … from here” on `source` opened this new record: it names its source already and has the values of
        the fields that both call the same. Take over what else belongs in it, child tables for instance."""

    @property
    def called(self) -> str:
        """What people call it: the title field, else the number."""
        shown = getattr(self, self.spec.fields[self.spec.title].column) if self.spec.title else None
        return shown or self.number or f"#{self.id}"


def _declare_lines(cls: type) -> dict[str, Lines]:
    found = {}
    for name, relation in vars(cls).items():
        if isinstance(relation, Relationship) and "lines" in relation.info:
            model, label = relation.info["lines"]
            found[name] = Lines(name, Text(label.zh, label.en or humanised(name)), model.fields, model)
    return found


def _bound(cls: Any, fields: dict[str, Field], children: dict[str, Lines]) -> RecordType:
    """The spec with what only the class knows: its name, area, purpose, fields and lines."""
    spec: RecordType = cls.spec
    area = cls.__module__.split(".")[1] if cls.__module__.startswith("models.") else next(iter(AREAS))
    purpose = " ".join((cls.__doc__ or "").split())
    if any(field.private for part in (fields, *(child.fields for child in children.values())) for field in part.values()):
        fields = _with_private_files(fields)
        children = {name: replace(child, fields=_with_private_files(child.fields)) for name, child in children.items()}
    return replace(
        spec, name=cls.__tablename__, area=area, purpose=purpose, model=cls, fields=fields, lines=children,
        workflow=spec.workflow.with_base_withdrawal().with_base_void())


def _with_private_files(fields: Mapping[str, Field]) -> dict[str, Field]:
    """Where personal data are kept, a photo or scan is likely to show them, and its name to say them."""
    return {name: replace(field, private=True) if field.kind is Kind.FILE else field for name, field in fields.items()}


def _short(name: str) -> str:
    """PostgreSQL takes names of 63 bytes: the end of a longer one is replaced by its hash."""
    return name if len(name) <= 63 else f"{name[:54]}_{sha256(name.encode()).hexdigest()[:8]}"


def _index(cls: Any) -> None:
    """What a list is filtered by or reached through, and what must be unique among records that are not void."""
    table, fields = cls.__table__, cls.spec.fields
    links = [name for name, field in fields.items() if field.kind is Kind.LINK]
    for name in dict.fromkeys(("state", *cls.spec.filters, *links)):
        column = fields[name].column if name in fields else name
        if column in table.c and (name not in fields or fields[name].kind is not Kind.MULTICHOICE):
            sa.Index(_short(f"ix_{table.name}_{column}_id"), table.c[column], table.c.id)
    # Of the records of one state, those of one month: either index alone would read all of the other's.
    day = next((fields[name].column for name in cls.spec.filters if name in fields and fields[name].kind in DAYS), None)
    if day is not None:
        sa.Index(_short(f"ix_{table.name}_state_{day}_id"), table.c.state, table.c[day], table.c.id)
    # What is new this month is counted on the first page, without a look at the rows.
    sa.Index(_short(f"ix_{table.name}_created_at_state_id"), table.c.created_at, table.c.state, table.c.id)
    for name, group, empty in unique_sets(cls.spec):
        columns = [table.c[fields[field].column] for field in group]
        alive = sa.and_(table.c.state != "void", *(table.c[fields[field].column].is_(None) for field in empty))
        sa.Index(name, *columns, unique=True, sqlite_where=alive, postgresql_where=alive)


def unique_sets(spec: RecordType) -> Iterator[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """The fields that no two living records share: the name of the index, its fields, and those that are empty where it
    counts. For a database two empty values differ, so what may be left empty leaves an index of the rest behind."""
    singles = tuple((name,) for name, field in spec.fields.items() if field.unique)
    for group in (*singles, *spec.unique):
        optional = [name for name in group[:-1] if not spec.fields[name].required]
        for count in range(len(optional) + 1):
            for empty in combinations(optional, count):
                rest = tuple(name for name in group if name not in empty)
                words = "_".join((*rest, *(("without", *empty) if empty else ())))
                yield _short(f"uq_{spec.name}_{words}"), rest, empty


__all__ = [
    "Base", "Default", "Exact", "Line", "Moment", "Record", "choice", "day", "db", "decimal", "email", "file", "integer",
    "lines", "link", "longtext", "moment", "money", "multichoice", "percent", "period", "person", "phone", "province",
    "quarter", "reading", "rounded", "signature", "text", "unique_sets", "unit", "yes_no",
]


def insert_from(session: Any, table: sa.Table, columns: Sequence[str], rows: Any) -> int:
    """INSERT ... SELECT; how many rows were written, which a driver counts only when it is asked to."""
    query = sa.insert(table).from_select(list(columns), rows)
    return session.execute(query, execution_options={"preserve_rowcount": True}).rowcount
