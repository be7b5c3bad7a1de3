"""What the settings promise: good defaults, and one sentence with the cure for every wrong value."""

import ast
import re
import stat
import sys
import threading
from pathlib import Path

import pytest

from config import CHECKOUT, ConfigError, Settings


def read(data: Path, **environ: str) -> Settings:
    return Settings.from_environment({"AFTERCARE_DATA": str(data), **environ})


def test_everything_has_a_default(tmp_path: Path) -> None:
    settings = read(tmp_path)
    assert settings.database_url == f"sqlite:///{tmp_path}/aftercare.sqlite"
    assert settings.redis_url is None
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert (settings.timezone.key, settings.language) == ("Asia/Shanghai", "zh")
    assert settings.admin_password is settings.demo_password is None
    assert settings.mail_url is settings.files_url is None


def test_the_data_folder_is_the_checkouts_own_whatever_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Path] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("config._prepare", lambda _variable, folder: made.append(folder))
    monkeypatch.setattr("config._kept_secret", lambda data: "k" * 32)
    assert Settings.from_environment({}).data == CHECKOUT / "instance"
    assert made == [CHECKOUT / "instance"]


def test_an_empty_variable_is_an_unset_one(tmp_path: Path) -> None:
    assert read(tmp_path, REDIS_URL="", PORT=" ", SECRET_KEY="").port == 8000


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_spelling_of_postgresql_leads_to_the_one_driver(tmp_path: Path, scheme: str) -> None:
    settings = read(tmp_path, DATABASE_URL=f"{scheme}://me:p%40ss@db:5433/office?sslmode=require")
    assert settings.database_url == "postgresql+psycopg://me:p%40ss@db:5433/office?sslmode=require"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("REDIS_URL", "redis://cache:6379/0"),
        ("REDIS_URL", "unix:///run/valkey.sock"),
        ("HOST", "0.0.0.0"),
        ("HOST", "::1"),
        ("MAIL_URL", "smtp://me:secret@mail:587"),
        ("MAIL_URL", "smtps://me:secret@mail?from=aftercare@office.example"),
        ("AFTERCARE_LANGUAGE", "en"),
    ],
)
def test_a_good_value_is_taken_as_it_is(tmp_path: Path, variable: str, value: str) -> None:
    field = variable.removeprefix("AFTERCARE_").lower()
    assert getattr(read(tmp_path, **{variable: value}), field) == value


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DATABASE_URL", "mysql://db/office"),
        ("DATABASE_URL", "postgresql://db"),
        ("DATABASE_URL", "postgresql://db:port/office"),
        ("DATABASE_URL", "office.db"),
        ("REDIS_URL", "localhost:6379"),
        ("REDIS_URL", "redis://"),
        ("REDIS_URL", "http://cache"),
        ("SECRET_KEY", "short"),
        ("HOST", "http://office"),
        ("PORT", "eighty"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("PORT", "８０"),
        ("AFTERCARE_TIMEZONE", "China"),
        ("AFTERCARE_TIMEZONE", "Asia"),
        ("AFTERCARE_TIMEZONE", "../../etc/passwd"),
        ("AFTERCARE_LANGUAGE", "de"),
        ("MAIL_URL", "mail.example"),
        ("MAIL_URL", "smtp://"),
        ("MAIL_URL", "smtp://mail?from=aftercare"),
        ("MAIL_URL", "smtp://mail?from=a@b%0Abcc:c@d"),
        ("MAIL_URL", "smtp://mail?sender=a@b"),
        ("AFTERCARE_URL", "office.example"),
        ("AFTERCARE_URL", "ftp://office.example"),
        ("AFTERCARE_URL", "https://office.example/?a=b"),
        ("FILES_URL", "s3://bucket/prefix"),
        ("FILES_URL", "file://"),
        ("FILES_URL", "file://elsewhere/files"),
        ("FILES_URL", "ftp://files"),
    ],
)
def test_a_wrong_value_is_one_sentence_with_the_variable_and_the_cure(
    tmp_path: Path, variable: str, value: str
) -> None:
    with pytest.raises(ConfigError) as refusal:
        read(tmp_path, **{variable: value})
    sentence = str(refusal.value)
    assert sentence.startswith(variable)
    assert "\n" not in sentence and sentence.endswith(".")
    assert "give " in sentence


def test_links_begin_with_the_public_address_or_else_with_that_of_this_machine(tmp_path: Path) -> None:
    assert read(tmp_path, AFTERCARE_URL="https://office.example/").address == "https://office.example"
    assert read(tmp_path, PORT="8123").address == "http://127.0.0.1:8123"


def test_a_store_that_is_not_supported_yet_is_called_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="S3 bucket, which is not supported yet: give file:///path"):
        read(tmp_path, FILES_URL="s3://bucket/prefix")


def test_no_message_and_no_repr_gives_a_password_away(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refusal:
        read(tmp_path, DATABASE_URL="mysql://me:hidden-word@db/office")
    assert "hidden-word" not in str(refusal.value)
    settings = read(
        tmp_path,
        DATABASE_URL="postgresql://me:hidden-word@db/office",
        REDIS_URL="redis://:hidden-word@cache",
        SECRET_KEY="hidden-word-of-some-length",
        AFTERCARE_ADMIN_PASSWORD="hidden-word",
        AFTERCARE_DEMO_PASSWORD="hidden-word",
        MAIL_URL="smtp://me:hidden-word@mail",
    )
    assert "hidden-word" not in repr(settings)


def test_the_data_folder_is_made_on_demand(tmp_path: Path) -> None:
    assert read(tmp_path / "some" / "where").data.is_dir()


def test_attachments_lie_in_the_data_folder_or_where_they_are_told_to(tmp_path: Path) -> None:
    assert read(tmp_path).files == tmp_path / "files"
    settings = read(tmp_path, FILES_URL=f"file://{tmp_path}/%E9%99%84%E4%BB%B6")
    assert settings.files == tmp_path / "附件" and settings.files.is_dir()
    (tmp_path / "in the way").touch()
    with pytest.raises(ConfigError, match=r"FILES_URL is .*where nothing can be written"):
        read(tmp_path, FILES_URL=f"file://{tmp_path}/in%20the%20way/files")


def test_a_data_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigError, match="AFTERCARE_DATA"):
        read(tmp_path / "file" / "data")
    with pytest.raises(ConfigError, match="AFTERCARE_DATA"):
        read(tmp_path / "file")


def test_the_secret_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    first = read(tmp_path).secret_key
    assert len(first) >= 32
    assert read(tmp_path).secret_key == first
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600


def test_a_given_secret_is_not_kept(tmp_path: Path) -> None:
    assert read(tmp_path, SECRET_KEY="s" * 32).secret_key == "s" * 32
    assert not (tmp_path / "secret_key").exists()


def test_all_who_make_the_secret_at_once_get_the_same_one(tmp_path: Path) -> None:
    got: list[str] = []
    barrier = threading.Barrier(8)

    def start() -> None:
        barrier.wait()
        got.append(read(tmp_path).secret_key)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 8 and len(set(got)) == 1


def test_a_secret_that_a_crash_left_empty_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "secret_key").touch()
    assert len(read(tmp_path).secret_key) >= 32


def test_the_settings_stand_at_the_very_bottom() -> None:
    # They are read before anything that is installed, and every floor may import them.
    tree = ast.parse((CHECKOUT / "config.py").read_text(encoding="utf-8"))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
        )
    }
    assert imported <= set(sys.stdlib_module_names)


def test_how_often_programs_may_ask_and_which_private_networks_webhooks_may_reach(tmp_path: Path) -> None:
    assert (read(tmp_path).api_rate, read(tmp_path).webhook_networks) == (6000, ())
    given = read(tmp_path, AFTERCARE_API_RATE="0", AFTERCARE_WEBHOOK_NETWORKS="10.1.0.0/16, fd00::/8")
    assert given.api_rate == 0 and [str(one) for one in given.webhook_networks] == ["10.1.0.0/16", "fd00::/8"]
    for variable, value in (("AFTERCARE_API_RATE", "-1"), ("AFTERCARE_API_RATE", "many"), ("AFTERCARE_WEBHOOK_NETWORKS", "10.1.0.1/16"),
                            ("AFTERCARE_WEBHOOK_NETWORKS", "home")):
        with pytest.raises(ConfigError, match=variable):
            read(tmp_path, **{variable: value})


@pytest.mark.once
@pytest.mark.parametrize("place", ["docs/operations.md", "bin/serve"])
def test_every_setting_is_told_to_those_who_keep_the_house(place: str) -> None:
    read = set(re.findall(r'given\.get\("([A-Z_]+)"', (CHECKOUT / "config.py").read_text(encoding="utf-8")))
    told = (CHECKOUT / place).read_text(encoding="utf-8")
    assert len(read) > 15 and sorted(name for name in read if name not in told) == []
