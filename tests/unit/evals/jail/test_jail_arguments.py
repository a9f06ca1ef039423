"""What bubblewrap is told, and the filter it loads."""

import struct
import sys
import tempfile
from pathlib import Path

import pytest

from gristmill.core.errors import UsageError
from gristmill.evals.jail.arguments import arguments, command, covers
from gristmill.evals.jail.limits import Limits
from gristmill.evals.jail.sandbox import JailUnavailableError, closed_folders, hidden
from gristmill.evals.jail.seccomp import filter_program

PREFIX = Path("/opt/python")


def test_the_vector_is_the_one_that_was_probed() -> None:
    assert " ".join(arguments(PREFIX, hidden=[])) == (
        "--unshare-all --unshare-user --disable-userns --die-with-parent --new-session"
        " --uid 65534 --gid 65534 --hostname sbx --cap-drop ALL"
        " --clearenv --setenv PATH /usr/bin --setenv PYTHONHASHSEED 0 --setenv LD_LIBRARY_PATH /py/lib"
        " --ro-bind /usr /usr --ro-bind /opt/python /py"
        " --symlink usr/lib /lib --symlink usr/lib64 /lib64 --symlink usr/bin /bin"
        " --proc /proc --dev /dev --size 4194304 --tmpfs /dev/shm --remount-ro /dev"
        " --size 33554432 --tmpfs /tmp --size 33554432 --tmpfs /box --chdir /box"
        " --file 103 /jail/gristmill/evals/jail/worker.pyc --file 104 /jail/gristmill/evals/oracle/codec.pyc"
        " --remount-ro / --seccomp 101 --info-fd 102"
    )


def test_hidden_folders_are_covered_in_every_bind_that_shows_them() -> None:
    words = " ".join(
        arguments(Path("/usr/local"), hidden=[Path("/usr/local"), Path("/usr/local/lib/p"), Path("/home/me")])
    )

    assert "--tmpfs /usr/local --remount-ro /usr/local" in words
    assert "--tmpfs /py/lib/p --remount-ro /py/lib/p" in words
    assert "--tmpfs /py --" not in words
    assert "/home/me" not in words
    assert "/usr/local/lib/p" not in words  # it lies below a cover already


def test_covers_are_outermost_and_inside() -> None:
    found = covers(Path("/a"), [Path("/a"), Path("/a/b"), Path("/a/b/c"), Path("/ab"), Path("/a/d")])

    assert found == [Path("/a/b"), Path("/a/d")]


def test_the_interpreter_is_named_by_its_place_in_the_jail() -> None:
    words = command(PREFIX / "bin" / "python3.11", PREFIX)

    assert words[0] == "/py/bin/python3.11"
    assert {"-P", "-s", "-S"} <= set(words)


def test_the_projects_own_folder_and_installed_packages_are_hidden() -> None:
    found = hidden(Path(sys.base_prefix).resolve())

    assert Path(__file__).resolve().parents[4] in found
    assert any(folder.name == "site-packages" for folder in found)
    assert all(folder.is_dir() for folder in found)


def test_a_folder_below_a_closed_one_is_named_with_what_closes_it() -> None:
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed
        top = Path(name)
        folder = top / "closed" / "inner" / "python"
        folder.mkdir(parents=True)
        top.chmod(0o755)
        open_to_all = closed_folders([folder])
        (top / "closed").chmod(0o700)

        assert open_to_all == {}
        assert closed_folders([folder]) == {str(folder): str(top / "closed")}


def test_a_folder_that_is_itself_closed_is_refused_with_the_hint(tmp_path: Path) -> None:
    folder = tmp_path / "python"
    folder.mkdir(mode=0o700)

    with pytest.raises(JailUnavailableError, match="chmod o\\+rx"):
        closed_folders([folder])


def test_the_filter_is_a_program_that_checks_the_architecture_first() -> None:
    program = filter_program()
    instructions = [struct.unpack_from("<HBBI", program, at) for at in range(0, len(program), 8)]

    assert len(program) % 8 == 0
    assert len(instructions) > 50
    assert instructions[0] == (0x20, 0, 0, 4)  # load the word at offset 4: the architecture
    returns = {value for code, _, _, value in instructions if code == 0x06}
    assert {0x7FFF0000, 0x80000000, 0x00050001, 0x00050026} <= returns  # allow, kill, EPERM, ENOSYS


def test_limits_name_what_the_worker_sets() -> None:
    limits = Limits(cpu_seconds=2, processes=5)

    assert limits.rlimits()["CPU"] == 2
    assert limits.rlimits()["NPROC"] == 5
    assert limits.rlimits()["CORE"] == 0
    assert limits.checker_seconds > limits.wall_seconds
    with pytest.raises(UsageError, match="wall_seconds"):
        Limits.parse({"wall_second": 1}, "limits")
