"""Mails: a notice that its reader also wants by mail, in their language, sent at least once under one Message-ID."""

from __future__ import annotations

import hashlib
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import sqlalchemy as sa
from flask import current_app

from config import Settings
from jobs import outbox
from models.base import Record, db
from models.history import Notice
from models.people import User
from models.spec import Text
from rules import access, notices, office

PATIENCE = 20                       # seconds for each word of the mail server
CLAIM = timedelta(seconds=60)       # for which nobody else sends what somebody has begun to send
LOOPBACK = ("localhost", "127.0.0.1", "::1")

BUSY = "somebody else is sending it"
SUBJECT = Text("【售后】{kind}：{type} {number}", "[Aftercare] {kind}: {type} {number}")
HOUSE_SUBJECT = Text("【售后】{kind}", "[Aftercare] {kind}")
BODY = Text(
    "{name}，您好：\n\n{text}\n\n{link}\n\n—— 售后管理后台\n哪些提醒发邮件，可在这里更改：{choices}\n",
    "Dear {name},\n\n{text}\n\n{link}\n\n-- \nAftercare\nChoose which notices come by mail: {choices}\n")


def send(notice_id: int) -> None:
    """Send the mail of a notice, unless it was sent, read meanwhile, or is no longer the reader's to know.

    What is marked as sent is never sent again. Whoever dies between the server's yes and the mark has it sent once more,
    under the same Message-ID, by which a mailbox knows it.
    """
    settings: Settings = current_app.extensions["settings"]
    message = _message(notice_id, settings)
    if settings.mail_url is None or message is None:
        return
    now = office.now()
    claimed = _mark(notice_id, sa.or_(Notice.mailing_at.is_(None), Notice.mailing_at <= now - CLAIM), mailing_at=now)
    if not claimed:
        raise Busy(BUSY)
    try:
        _deliver(settings.mail_url, message)
    except BaseException:
        _mark(notice_id, mailing_at=None)
        raise
    _mark(notice_id, mailed_at=office.now())


class Busy(Exception):
    """Later, if the other one has not made it."""


def _mark(notice_id: int, *which: Any, **values: Any) -> bool:
    """In a transaction of its own: nobody waits for a mail server with the database locked."""
    found = db.session.execute(
        sa.update(Notice).where(Notice.id == notice_id, Notice.mailed_at.is_(None), *which).values(**values),
        execution_options={"synchronize_session": False})
    db.session.commit()
    return found.rowcount == 1


# What it says -----------------------------------------------------------------------------------------------------

def _message(notice_id: int, settings: Settings) -> EmailMessage | None:
    """The mail as its reader should get it now, or None; reads only."""
    notice = db.session.get(Notice, notice_id, populate_existing=True)
    reader = db.session.get(User, notice.person_id) if notice else None
    try:
        if notice is None or reader is None or notice.mailed_at or notice.read_at or not reader.is_active or not reader.email:
            return None
        record = _record(notice, reader)
        if notice.type in Record.types and record is None:
            return None
        return _written(notice, reader, record, settings)
    finally:
        db.session.rollback()


def _record(notice: Notice, reader: User) -> Any:
    spec = Record.types.get(notice.type or "")
    record = db.session.get(spec.model, notice.record_id) if spec else None
    sees = record is not None and access.may(access.Actor.of(reader, "job"), "view", spec, record)
    return record if sees else None


def _written(notice: Notice, reader: User, record: Any, settings: Settings) -> EmailMessage:
    language = reader.language or settings.language
    kind, sender = notices.KINDS.get(notice.kind, notices.OTHER).label, sender_of(settings)
    subject, link = HOUSE_SUBJECT.with_(kind=kind), f"{settings.address}/admin/notices/"
    if record is not None:   # never more than kind, type and number: subjects are shown on locked screens
        subject = SUBJECT.with_(kind=kind, type=record.spec.label, number=record.number or f"#{record.id}")
        link = f"{settings.address}/admin/{record.spec.name}/details/?id={record.id}"
    message = EmailMessage()
    message["From"], message["To"] = sender, reader.email
    message["Subject"] = subject.in_(language)
    message["Date"] = format_datetime(office.local(notice.created_at))
    message["Message-ID"] = f"<notice-{notice.id}.{_installation(settings)}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message["Content-Language"] = "zh-CN" if language == "zh" else "en"
    message.set_content(BODY.with_(
        name=reader.name, text=Text(notice.zh, notice.en), link=link,
        choices=f"{settings.address}/admin/notices/#choices").in_(language))
    return message


def sender_of(settings: Settings) -> str:
    parts = urlsplit(settings.mail_url or "")
    named = parse_qs(parts.query).get("from", [""])[-1] or unquote(parts.username or "")
    return named if "@" in named else f"aftercare@{parts.hostname}"


def _installation(settings: Settings) -> str:
    """Tells the notices of two installations with one sender apart, and gives nothing of the key away."""
    return hashlib.sha256(f"mail {settings.secret_key}".encode()).hexdigest()[:8]


# How it leaves ----------------------------------------------------------------------------------------------------

def _deliver(url: str, message: EmailMessage) -> None:
    try:
        with _server(urlsplit(url)) as server:
            server.send_message(message)
    except smtplib.SMTPRecipientsRefused as refused:
        code, why = next(iter(refused.recipients.values()))
        _give_up_on(code, why, refused)
        raise
    except smtplib.SMTPResponseException as error:   # the words of the server, without the mail
        if isinstance(error, smtplib.SMTPDataError | smtplib.SMTPSenderRefused):
            _give_up_on(error.smtp_code, error.smtp_error, error)
        raise


def _give_up_on(code: int, why: bytes | str, error: Exception) -> None:
    """The server will never take this mail; anything else may pass."""
    if code >= 500:
        said = why.decode(errors="replace") if isinstance(why, bytes) else why
        raise outbox.GivenUp(f"{code} {said}") from error


@contextmanager
def _server(parts: SplitResult) -> Iterator[smtplib.SMTP]:
    """Signed in where the address says as whom; a password never crosses a network in the clear."""
    host, context = parts.hostname or "", ssl.create_default_context()
    if parts.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, parts.port or 465, timeout=PATIENCE, context=context)
    else:
        server = smtplib.SMTP(host, parts.port or 25, timeout=PATIENCE)
    with server:
        server.ehlo()
        if parts.scheme == "smtp" and server.has_extn("starttls"):
            server.starttls(context=context)
            server.ehlo()
        elif parts.scheme == "smtp" and parts.password and host not in LOOPBACK:
            raise smtplib.SMTPNotSupportedError("the mail server offers no encryption for the password: use smtps://")
        if parts.username:
            server.login(unquote(parts.username), unquote(parts.password or ""))
        yield server
