"""What belongs to a lake's Prefect server: its credential, its users, and what it takes from its user's environment."""

import shutil
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from gristmill.core.errors import GristmillError, UsageError
from gristmill.core.processes import process_of, this_process
from gristmill.flows.prefect.home import (
    PER_NODE,
    credential_path,
    forget_original,
    hold,
    home,
    make_credential,
    place_of,
    read_credential,
    users_of,
)
from gristmill.flows.prefect.settings import server_environment

URL = "http://127.0.0.1:4711/api"
OWN = "http://127.0.0.1:4711,http://[::1]:4711,http://localhost:4711"


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT_SERVER_API_AUTH_STRING", raising=False)


def lake(root: Path) -> Path:
    home(root).mkdir(parents=True)
    return root


def test_batch_jobs_of_one_lake_have_a_server_for_each_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert home(tmp_path) == tmp_path / "prefect"
    monkeypatch.setenv(PER_NODE, "1")
    assert home(tmp_path) == tmp_path / "prefect" / "nodes" / socket.gethostname()


@pytest.mark.parametrize("content", [b"\xff\xfegristmill:x", b"", b"gristmill", b"gristmill:", b"grist\x00mill:abc"])
def test_a_damaged_credential_is_made_anew_by_the_next_server(tmp_path: Path, content: bytes) -> None:
    home(tmp_path / "lake").mkdir(parents=True)
    credential_path(tmp_path / "lake").write_bytes(content)
    made = make_credential(tmp_path / "lake")
    assert all(made.partition(":"))
    assert made == read_credential(tmp_path / "lake") == make_credential(tmp_path / "lake")


def test_a_client_is_told_of_a_damaged_credential(tmp_path: Path) -> None:
    home(tmp_path / "lake").mkdir(parents=True)
    credential_path(tmp_path / "lake").write_bytes(b"\xff")
    with pytest.raises(GristmillError, match=r"is damaged\. Run `gristmill serve --stop --lake"):
        read_credential(tmp_path / "lake")


def test_each_lake_has_a_credential_of_its_own_that_only_its_owner_reads(tmp_path: Path) -> None:
    one, other = lake(tmp_path / "one"), lake(tmp_path / "other")
    made = make_credential(one)
    assert make_credential(one) == made == read_credential(one)
    assert made != make_credential(other)
    user, _, password = made.partition(":")
    assert user == "gristmill"
    assert len(password) >= 43  # 256 bits
    assert stat.S_IMODE(credential_path(one).stat().st_mode) == 0o600
    credential_path(one).chmod(0o644)
    make_credential(one)
    assert stat.S_IMODE(credential_path(one).stat().st_mode) == 0o600


def test_the_user_may_choose_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = lake(tmp_path / "lake")
    before = make_credential(root)
    monkeypatch.setenv("PREFECT_SERVER_API_AUTH_STRING", "me:secret:word")
    assert make_credential(root) == "me:secret:word" == read_credential(root) != before
    assert stat.S_IMODE(credential_path(root).stat().st_mode) == 0o600
    monkeypatch.setenv("PREFECT_SERVER_API_AUTH_STRING", "secret")
    with pytest.raises(UsageError, match="user:password"):
        make_credential(root)


def belongings(root: Path) -> None:
    forget_original(home(root))
    make_credential(root)
    for name in ("prefect.db", "prefect.db-wal", "server.json"):
        (home(root) / name).write_text("of the original", encoding="utf-8")
    hold(home(root))


def test_a_copy_of_a_lake_keeps_nothing_of_the_originals_server(tmp_path: Path) -> None:
    original, copy = lake(tmp_path / "original"), tmp_path / "copy"
    belongings(original)
    shutil.copytree(original, copy)
    before = read_credential(copy)
    forget_original(home(copy))
    assert sorted(path.name for path in home(copy).iterdir()) == ["place.json"]
    assert make_credential(copy) != before
    forget_original(home(copy))
    assert credential_path(copy).is_file(), "once it has its own, they stay"
    forget_original(home(original))
    assert (home(original) / "prefect.db").is_file()
    assert read_credential(original) == before


def test_a_moved_lake_and_a_restored_one_keep_theirs(tmp_path: Path) -> None:
    root = lake(tmp_path / "lake")
    belongings(root)
    moved = root.rename(tmp_path / "moved")
    forget_original(home(moved))
    assert (home(moved) / "prefect.db").is_file()
    shutil.copytree(moved, tmp_path / "backup")
    shutil.rmtree(moved)
    (tmp_path / "backup").rename(moved)
    forget_original(home(moved))
    assert (home(moved) / "prefect.db").is_file()


def test_a_credential_of_unknown_origin_is_not_taken(tmp_path: Path) -> None:
    """Somebody handed the lake over and knows it; the database stays, for an older Gristmill had no such file."""
    root = lake(tmp_path / "lake")
    belongings(root)
    known = read_credential(root)
    for content in (None, "{"):
        if content is None:
            (home(root) / "place.json").unlink()
        else:
            (home(root) / "place.json").write_text(content, encoding="utf-8")
        credential_path(root).write_text(known, encoding="utf-8")
        forget_original(home(root))
        assert make_credential(root) != known
        assert (home(root) / "prefect.db").is_file()


def test_which_folder_it_is(tmp_path: Path) -> None:
    here = place_of(tmp_path)
    assert here is not None
    assert here == place_of(tmp_path)
    assert place_of(tmp_path / "none") is None
    (tmp_path / "other").mkdir()
    there = place_of(tmp_path / "other")
    assert there is not None
    assert there.is_copy_of(here)


def test_users_are_processes_that_live(tmp_path: Path) -> None:
    folder = home(lake(tmp_path / "lake"))
    assert users_of(folder) == []
    hold(folder)
    hold(folder)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        user = process_of(other.pid)
        (folder / "users" / user.name).touch()
        assert set(users_of(folder)) == {this_process(), user}
        other.communicate(b"\n")
    (folder / "users" / "notes").touch()
    assert users_of(folder) == [this_process()]
    assert [path.name for path in (folder / "users").iterdir()] == [this_process().name]


def test_the_server_is_closed_whatever_its_users_environment_says() -> None:
    user = {
        "HOME": "/home/user",
        "PREFECT_API_URL": "https://elsewhere.example/api",
        "PREFECT_API_KEY": "key",
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": "postgresql://elsewhere.example",
        "PREFECT_SERVER_API_CSRF_PROTECTION_ENABLED": "false",
        "PREFECT_SERVER_CSRF_PROTECTION_ENABLED": "false",
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": "*",
        "PREFECT_SERVER_API_AUTH_STRING": "",
    }
    assert server_environment(user, Path("/lake/prefect"), URL, "user:password") == {
        "HOME": "/home/user",
        "DO_NOT_TRACK": "1",
        "PREFECT_HOME": "/lake/prefect",
        "PREFECT_CLI_PROMPT": "false",
        "PREFECT_LOGGING_LEVEL": "WARNING",
        "PREFECT_LOGGING_SERVER_LEVEL": "WARNING",
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_API_AUTH_STRING": "user:password",
        "PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS": OWN,
        "PREFECT_SERVER_API_CSRF_PROTECTION_ENABLED": "true",
        "PREFECT_SERVER_DEPLOYMENTS_CONCURRENCY_SLOT_WAIT_SECONDS": "10",
        "PREFECT_SERVER_UI_API_URL": URL,
    }


def test_what_the_user_asks_for_beyond_that_is_kept() -> None:
    user = {
        "PREFECT_LOGGING_LEVEL": "DEBUG",
        "PREFECT_SERVER_UI_API_URL": "https://prefect.example.org/api",
        "PREFECT_SERVER_API_CSRF_TOKEN_EXPIRATION": "60",
        "PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS": "https://prefect.example.org",
    }
    made = server_environment(user, Path("/lake/prefect"), URL, "user:password")
    origins = made.pop("PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS")
    assert origins == f"{OWN},https://prefect.example.org"
    assert {name: made[name] for name in user if name in made} == {
        name: value for name, value in user.items() if "ORIGINS" not in name
    }
