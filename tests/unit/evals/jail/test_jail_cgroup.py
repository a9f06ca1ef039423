"""Memory control groups, on files laid out as the kernel lays them out."""

from pathlib import Path

import pytest

from gristmill.evals.jail import cgroup
from gristmill.evals.jail.cgroup import MemoryGroup, MemoryGroups, find_memory_groups, memory_group


@pytest.mark.parametrize(
    ("version", "file", "text"),
    [
        (1, "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n"),
        (2, "memory.events", "low 0\nhigh 0\nmax 12\noom 4\noom_kill 3\n"),
    ],
)
def test_kills_are_counted(tmp_path: Path, version: int, file: str, text: str) -> None:
    (tmp_path / file).write_text(text)

    assert MemoryGroup(tmp_path, version).out_of_memory_kills() == 3


def test_where_no_group_can_be_made_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroup, "OWN_GROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(cgroup, "MOUNTS", tmp_path / "mounts")
    (tmp_path / "cgroup").write_text("4:memory:/mine\n0::/mine\n")
    (tmp_path / "mounts").write_text(
        f"cgroup {tmp_path}/v1 cgroup rw,memory 0 0\ncgroup2 {tmp_path}/v2 cgroup2 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n"
    )

    assert find_memory_groups() is None


def test_a_real_group_has_its_limit_and_is_gone_afterwards() -> None:
    groups = find_memory_groups()
    if groups is None:
        pytest.skip("no memory control group may be made on this machine")
    with memory_group(groups, 128 << 20, "unit-test") as group:
        file = "memory.max" if groups.version == 2 else "memory.limit_in_bytes"
        assert (group.path / file).read_text().strip() == str(128 << 20)
        assert group.out_of_memory_kills() == 0

    assert not group.path.exists()


def test_a_group_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    groups = MemoryGroups(tmp_path / "absent", 2)

    with pytest.raises(OSError, match="absent"), memory_group(groups, 1 << 20, "x"):
        pass
