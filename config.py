"""The settings: what the environment may say, checked once, with a cure for every wrong value."""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit
from zoneinfo import ZoneInfo

CHECKOUT = Path(__file__).resolve().parent
LANGUAGES = ("zh", "en")
SHORTEST_SECRET = 16


class ConfigError(Exception):
    """A setting is wrong; the message is one sentence that names the variable and the cure."""


@dataclass(frozen=True)
class Settings:
    """What this installation is told by its environment."""

    database_url: str = field(repr=False)
    redis_url: str | None = field(repr=False)  # None: the embedded server in the data folder
    secret_key: str = field(repr=False)
    host: str
    port: int
    data: Path
    admin_password: str | None = field(repr=False)  # None: a random one, printed once
    demo_password: str | None = field(repr=False)
    timezone: ZoneInfo
    language: str
    mail_url: str | None = field(repr=False)  # None: mails are kept as notices only
    files_url: str | None = field(repr=False)  # None: the data folder
    company: str | None = None  # whose name stands on paper; None: the application's
    api_rate: int = 6000  # requests of one token a minute; 0: as many as come
    webhook_networks: tuple[IPv4Network | IPv6Network, ...] = ()  # own ones to which webhooks may go, also by http
    public_url: str | None = None  # under which people reach it, for the links of mails; None: http://HOST:PORT

    @property
    def files(self) -> Path:
        """The folder in which attachments lie."""
        return self.data / "files" if self.files_url is None else Path(unquote(urlsplit(self.files_url).path))

    @property
    def address(self) -> str:
        """What the links in mails begin with."""
        return self.public_url or f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Settings:
        # Everything that can be wrong is read before the data folder is touched.
        given = {name: value for name, value in environ.items() if value.strip()}
        data = CHECKOUT / Path(given.get("AFTERCARE_DATA", "instance")).expanduser()
        wanted = {
            "redis_url": _redis_url(given.get("REDIS_URL")),
            "host": _host(given.get("HOST", "127.0.0.1")),
            "port": _port(given.get("PORT", "8000")),
            "admin_password": given.get("AFTERCARE_ADMIN_PASSWORD"),
            "demo_password": given.get("AFTERCARE_DEMO_PASSWORD"),
            "timezone": _timezone(given.get("AFTERCARE_TIMEZONE", "Asia/Shanghai")),
            "language": _language(given.get("AFTERCARE_LANGUAGE", "zh")),
            "mail_url": _mail_url(given.get("MAIL_URL")),
            "files_url": _files_url(given.get("FILES_URL")),
            "company": given.get("AFTERCARE_COMPANY"),
            "public_url": _public_url(given.get("AFTERCARE_URL")),
            "api_rate": _api_rate(given.get("AFTERCARE_API_RATE", "6000")),
            "webhook_networks": _networks(given.get("AFTERCARE_WEBHOOK_NETWORKS", "")),
            "database_url": _database_url(given.get("DATABASE_URL"), data),
        }
        secret = _given_secret(given.get("SECRET_KEY"))
        _prepare("AFTERCARE_DATA", data)
        settings = cls(data=data, secret_key=secret or _kept_secret(data), **wanted)  # type: ignore[arg-type]
        if settings.files_url is not None:
            _prepare("FILES_URL", settings.files)
        return settings


def _database_url(value: str | None, data: Path) -> str:
    if value is None:
        return f"sqlite:///{data / 'aftercare.sqlite'}"
    cure = "give sqlite:///path or postgresql+psycopg://user:password@host/database, or leave it unset"
    parts = _url("DATABASE_URL", value, cure)
    if parts.scheme in ("postgres", "postgresql", "postgresql+psycopg"):
        if not parts.path.strip("/"):
            raise ConfigError(f"DATABASE_URL names no database: {cure}.")
        return "postgresql+psycopg" + value[len(parts.scheme) :]
    if parts.scheme != "sqlite":
        raise ConfigError(f"DATABASE_URL names a kind of database that is not known here: {cure}.")
    return value


def _redis_url(value: str | None) -> str | None:
    cure = "give redis://host:6379/0, rediss://... or unix:///path, or leave it unset for the embedded server"
    if value is None:
        return None
    parts = _url("REDIS_URL", value, cure)
    if parts.scheme not in ("redis", "rediss", "unix"):
        raise ConfigError(f"REDIS_URL does not begin with redis://, rediss:// or unix://: {cure}.")
    if not (parts.path if parts.scheme == "unix" else parts.hostname):
        raise ConfigError(f"REDIS_URL names no server: {cure}.")
    return value


def _mail_url(value: str | None) -> str | None:
    cure = ("give smtp://user:password@host:587?from=aftercare@example.com or smtps://..., "
            "or leave it unset to keep mails as notices")
    if value is None:
        return None
    parts = _url("MAIL_URL", value, cure)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise ConfigError(f"MAIL_URL is not the address of a mail server: {cure}.")
    asked = parse_qs(parts.query)
    is_known = set(asked) <= {"from"} and all(re.fullmatch(r"[!-?A-~]+@[!-?A-~]+", one) for one in asked.get("from", ()))
    if not is_known:
        raise ConfigError(f"MAIL_URL takes nothing behind the ? but from=, one mail address: {cure}.")
    return value


def _public_url(value: str | None) -> str | None:
    cure = "give the address under which people open Aftercare, such as https://aftercare.example.com"
    if value is None:
        return None
    parts = _url("AFTERCARE_URL", value, cure)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ConfigError(f"AFTERCARE_URL is not the address of a web site: {cure}.")
    return value.rstrip("/")


def _files_url(value: str | None) -> str | None:
    cure = "give file:///path of a folder, or leave it unset to keep files in the data folder"
    if value is None:
        return None
    parts = _url("FILES_URL", value, cure)
    if parts.scheme == "s3":
        raise ConfigError(f"FILES_URL names an S3 bucket, which is not supported yet: {cure}.")
    if parts.scheme != "file" or parts.netloc or not parts.path.strip("/"):
        raise ConfigError(f"FILES_URL is not a place for files: {cure}.")
    return value


def _url(variable: str, value: str, cure: str) -> SplitResult:
    # The value itself is never repeated in a message: it may hold a password.
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        raise ConfigError(f"{variable} cannot be read as an address: {cure}.") from None
    if not parts.scheme or "://" not in value:
        raise ConfigError(f"{variable} is not an address: {cure}.")
    return parts


def _host(value: str) -> str:
    if any(character in value for character in " \t\n/") or "://" in value:
        raise ConfigError(f"HOST is {value!r}: give a name or an IP address such as 127.0.0.1 or 0.0.0.0.")
    return value


def _port(value: str) -> int:
    if not (value.isascii() and value.isdigit() and 1 <= int(value) <= 65535):
        raise ConfigError(f"PORT is {value!r}: give a whole number from 1 to 65535, such as 8000.")
    return int(value)


def _api_rate(value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= 9):
        raise ConfigError(f"AFTERCARE_API_RATE is {value!r}: give requests a minute such as 6000, or 0 for no limit.")
    return int(value)


def _networks(value: str) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        return tuple(ip_network(one.strip()) for one in value.split(",") if one.strip())
    except ValueError:
        raise ConfigError(
            f"AFTERCARE_WEBHOOK_NETWORKS is {value!r}: give networks such as 10.1.0.0/16,192.168.7.9/32, "
            "or leave it unset and webhooks go to public addresses over https only."
        ) from None


def _timezone(value: str) -> ZoneInfo:
    # OSError: "Asia" alone is a folder of the zone database.
    try:
        return ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise ConfigError(
            f"AFTERCARE_TIMEZONE is {value!r}: give the name of a time zone such as Asia/Shanghai."
        ) from None


def _language(value: str) -> str:
    if value not in LANGUAGES:
        raise ConfigError(f"AFTERCARE_LANGUAGE is {value!r}: give {' or '.join(LANGUAGES)}.")
    return value


def _given_secret(value: str | None) -> str | None:
    if value is not None and len(value) < SHORTEST_SECRET:
        raise ConfigError(
            f"SECRET_KEY is too short: give at least {SHORTEST_SECRET} characters, "
            "or leave it unset and one is made and kept."
        )
    return value


def _prepare(variable: str, folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # the records of customers are nobody else's
        writable = os.access(folder, os.R_OK | os.W_OK | os.X_OK)
    except OSError:
        writable = False
    if not writable:
        raise ConfigError(
            f"{variable} is {str(folder)!r}, where nothing can be written: "
            "give a folder that belongs to you, or change its permissions."
        )


def _kept_secret(data: Path) -> str:
    # Two processes may come here at once: the lock lets one make the key and the other read it. A key that a
    # crash left unfinished is made anew.
    try:
        descriptor = os.open(data / "secret_key", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "r+", encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            os.fchmod(file.fileno(), 0o600)
            kept = file.read().strip()
            if len(kept) < SHORTEST_SECRET:
                kept = secrets.token_urlsafe(48)
                file.seek(0)
                file.write(kept + "\n")
                file.truncate()
                file.flush()
                os.fsync(file.fileno())
            return kept
    except (OSError, UnicodeDecodeError):
        raise ConfigError(
            f"SECRET_KEY cannot be kept in {str(data / 'secret_key')!r}: "
            "make that file readable and writable for you, or set SECRET_KEY."
        ) from None
