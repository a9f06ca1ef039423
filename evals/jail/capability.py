"""Whether this machine can confine generated code, tested by starting a jail and trying to get out.

The probe is our own program, which reports what it could do: reach the network, see host files, fork, take memory,
trace a process. If it succeeds at anything forbidden, or the jail does not start, the answer is ``refused`` with a
reason and a hint, and grading raises :class:`gristmill.evals.jail.sandbox.JailUnavailableError`. There is no weaker
tier to fall back to.

Cost: about 0.3 s, once per process.
"""

import ctypes.util
import functools
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gristmill.evals.jail.limits import Limits
from gristmill.evals.jail.sandbox import JailUnavailableError, Sandbox, plan
from gristmill.evals.oracle.supervisor import Supervisor
from gristmill.evals.oracle.verdicts import Outcome, Program, Verdict

Tier = Literal["bubblewrap", "refused"]

PROBE_LIMITS = Limits(cpu_seconds=5, wall_seconds=10.0, memory_bytes=512 << 20)
PROBE_SLOT = 499
PROBE = """
import ctypes, os, socket

PTRACE_SETOPTIONS = 0x4200  # of a process that is not traced: fails in any case, but not with EPERM

def attempt(act):
    try:
        act()
    except (OSError, MemoryError) as error:
        return type(error).__name__
    return "allowed"

def forks():
    # The children wait for the end of a pipe that only the parent can write, so that none outlives it.
    ours, theirs = os.pipe()
    count = 0
    for _ in range(64):
        try:
            if os.fork() == 0:
                os.close(theirs)
                os.read(ours, 1)
                os._exit(0)
        except OSError:
            break
        count += 1
    os.close(theirs)
    return count

def write(path):
    open(path, "w").close()
    os.remove(path)

def listing(path):
    return sorted(os.listdir(path)) if os.path.isdir(path) else []

def call(number, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(number, *arguments) == -1:
        raise OSError(ctypes.get_errno(), "refused")

def probe(traced):
    return {
        "socket": attempt(socket.socket),
        "interfaces": [line.split(":")[0].strip() for line in open("/proc/net/dev").readlines()[2:]],
        "root": listing("/"),
        "etc": listing("/etc"),
        "processes": sum(name.isdigit() for name in os.listdir("/proc")),
        "write_usr": attempt(lambda: write("/usr/gristmill-probe")),
        "write_root": attempt(lambda: write("/gristmill-probe")),
        "memory": attempt(lambda: bytearray(1 << 30)),
        "memfd": attempt(lambda: os.memfd_create("probe")),
        "ptrace": attempt(lambda: call(traced, PTRACE_SETOPTIONS, 1, 0, 0)),
        "user": os.getuid(),
        "environment": sorted(os.environ),
        "forks": forks(),
    }
"""
EXPECTED = """
facts = probe({ptrace})
assert facts["socket"] == "PermissionError", "sockets are not refused"
assert facts["interfaces"] in ([], ["lo"]), "the host's network is visible"
assert set(facts["root"]) <= set("bin box dev jail lib lib64 proc py tmp usr".split()), "host directories are visible"
assert facts["etc"] == [], "the host's /etc is visible"
assert facts["processes"] < 4, "other processes are visible"
assert facts["write_usr"] != "allowed", "/usr can be written"
assert facts["write_root"] != "allowed", "/ can be written"
assert facts["memory"] == "MemoryError", "memory is not limited"
assert facts["memfd"] == "PermissionError", "memfd_create is not refused"
assert facts["ptrace"] == "PermissionError", "ptrace is not refused"
assert facts["user"] == 65534, "the user is not nobody"
assert not set(facts["environment"]) - set("PATH PYTHONHASHSEED LD_LIBRARY_PATH PWD LC_CTYPE".split()), "environment"
assert 0 < facts["forks"] < 32, "the number of processes is not limited"
"""
PTRACE = {"x86_64": 101, "aarch64": 117, "riscv64": 117}
USER_NAMESPACES = Path("/proc/sys/user/max_user_namespaces")
DEBIAN_SWITCH = Path("/proc/sys/kernel/unprivileged_userns_clone")
APPARMOR_SWITCH = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")


@dataclass(frozen=True)
class Capability:
    """The jail on this machine. ``reason`` is empty for tier ``bubblewrap``; otherwise it says why, and what to do."""

    tier: Tier
    reason: str
    bubblewrap: str
    kernel: str
    seccomp: str
    memory: str

    @property
    def usable(self) -> bool:
        return self.tier == "bubblewrap"


@functools.cache
def capability() -> Capability:
    """The capability of this machine, found by actually starting a jail. Never raises."""
    try:
        sandbox = plan()
    except JailUnavailableError as error:
        return refused(str(error))
    return assess(sandbox)


def assess(sandbox: Sandbox) -> Capability:
    """Start the jail that ``sandbox`` describes, run a program that tries to escape, and judge how far it got."""
    number = PTRACE.get(platform.machine(), 117)
    with Supervisor(sandbox, PROBE_SLOT) as supervisor:
        outcome = supervisor.grade(Program(PROBE, EXPECTED.format(ptrace=number), "probe", limits=PROBE_LIMITS))
    if outcome.verdict is not Verdict.PASS:
        return refused(explain(outcome), sandbox)
    return described(sandbox, "bubblewrap", "")


def require(sandbox: Sandbox | None = None) -> Sandbox:
    """This machine's jail, or the given one, after probing it. Raises :class:`JailUnavailableError`."""
    found = capability() if sandbox is None else assess(sandbox)
    if not found.usable:
        raise JailUnavailableError(found.reason)
    return plan() if sandbox is None else sandbox


def refused(reason: str, sandbox: Sandbox | None = None) -> Capability:
    return described(sandbox, "refused", reason)


def described(sandbox: Sandbox | None, tier: Tier, reason: str) -> Capability:
    """A capability with the versions of what was found."""
    return Capability(
        tier=tier,
        reason=reason,
        bubblewrap=version(sandbox.bwrap) if sandbox else "",
        kernel=platform.release(),
        seccomp=ctypes.util.find_library("seccomp") or "",
        memory=(
            f"control group v{sandbox.memory.version} for all processes, RLIMIT_AS for each"
            if sandbox and sandbox.memory
            else "RLIMIT_AS for each process (no control group may be made here)"
        ),
    )


def version(bwrap: str) -> str:
    """The output of ``bwrap --version``; empty when it cannot run."""
    try:
        return subprocess.run(
            [bwrap, "--version"], capture_output=True, text=True, timeout=10, check=True
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def explain(outcome: Outcome) -> str:
    """Why the probe failed, with a hint for this machine."""
    said = "; ".join(text for text in (outcome.detail, outcome.stderr_tail) if text)
    return f"Generated code is not run, because the code jail does not work on this machine: {said}. {hint(said)}"


def hint(said: str) -> str:
    """What to change, judging by bubblewrap's message and the kernel's settings."""
    if "namespace" not in said and "uid map" not in said and "unshare" not in said:
        return "Run the grading on another machine, or report this with the output of `gristmill doctor`."
    if _reads(APPARMOR_SWITCH, "1"):
        return (
            "AppArmor denies user namespaces to programs without a profile: give bwrap a profile with `userns,`, or"
            " sysctl -w kernel.apparmor_restrict_unprivileged_userns=0."
        )
    if _reads(DEBIAN_SWITCH, "0"):
        return "User namespaces are switched off: sysctl -w kernel.unprivileged_userns_clone=1."
    if _reads(USER_NAMESPACES, "0"):
        return "User namespaces are switched off: sysctl -w user.max_user_namespaces=15000."
    if any(Path(mark).exists() for mark in ("/.dockerenv", "/run/.containerenv")):
        return (
            "A container's default seccomp profile refuses user namespaces: start it with --security-opt"
            " seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined, or grade"
            " outside the container."
        )
    return "The kernel or a security module refuses user namespaces: allow them for this user, or grade elsewhere."


def _reads(switch: Path, value: str) -> bool:
    return switch.is_file() and switch.read_text().strip() == value
