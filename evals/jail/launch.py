"""Start and end a jail, from a small process with one thread (the checker).

When we are root the jail runs as an unprivileged user, one per slot, and so does the checker once it has started the
jail. bubblewrap resolves the sources of its binds as that user, so a Python below a closed directory (a home folder)
could not be bound (bubblewrap issues 569 and 570). While still root we therefore enter our own mount namespace
(:func:`open_up`), mount an empty file system over the closed directory there, and bind back only the needed folder, at
its own path. The host never sees these mounts; they vanish with the process.

Imports are few on purpose: this runs once per graded program. Cost: about 5 ms for ctypes and the fork.
"""

from __future__ import annotations

import ctypes
import os
import select

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import NoReturn

CLONE_NEWNS = 0x20000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
SIGKILL = 9  # the module `signal` takes 6 ms to load
PIDFD_SEND_SIGNAL = 424  # the same number on every architecture
ERRORS_KEPT = 2000
NAMING_SECONDS = 30.0
LIBC = ctypes.CDLL(None, use_errno=True)  # made once: each creates new classes, 0.3 ms


class Jail:
    """A running jail. Descriptors: ``requests`` to write, ``replies`` to read. Get one from :func:`start`."""

    def __init__(self, monitor: int, requests: int, replies: int, errors: int, info: int) -> None:
        self.requests, self.replies = requests, replies
        self._monitor, self._errors, self._info = monitor, errors, info
        self._ended: tuple[int | None, float] | None = None

    def end(self, grace: float = 0.0) -> tuple[int | None, float]:
        """Wait ``grace`` seconds for the program to end by itself, then kill it; return when all of it is gone.

        Returns its exit status if it ended by itself (128 + n for signal n), else None, and its processor seconds.
        The calling process must be a subreaper (:func:`adopt_orphans`) with no other children.
        """
        if self._ended is None:
            self._ended = self._end(grace)
        return self._ended

    def _end(self, grace: float) -> tuple[int | None, float]:
        first = self._first_process()
        watch = os.pidfd_open(self._monitor)
        by_itself = bool(select.select([watch], [], [], grace)[0])
        os.close(watch)
        if first is not None:
            # Its death ends everything in its namespace. The call fails if it is already gone.
            LIBC.syscall(PIDFD_SEND_SIGNAL, first, SIGKILL, None, 0)
        status, seconds = None, 0.0
        while True:
            try:
                pid, code, usage = os.wait4(-1, 0)
            except ChildProcessError:
                return status, seconds
            seconds += usage.ru_utime + usage.ru_stime
            if pid == self._monitor and by_itself:
                status = os.waitstatus_to_exitcode(code)

    def _first_process(self) -> int | None:
        """A handle on process 1 of the jail, which bubblewrap names once it exists; None if it was never created.

        Before that there is nothing to end: a monitor killed too early would leave its child waiting for it forever.
        """
        if not select.select([self._info], [], [], NAMING_SECONDS)[0]:
            os.kill(self._monitor, SIGKILL)
        text = os.read(self._info, 4096).decode()
        pid = text.partition('"child-pid":')[2].partition(",")[0].strip(" }\n")
        try:
            return os.pidfd_open(int(pid)) if pid else None
        except ProcessLookupError:
            return None

    def errors(self) -> str:
        """The end of what bubblewrap, or this module's child, wrote to standard error. Call it after :meth:`end`."""
        os.set_blocking(self._errors, False)
        try:
            return os.read(self._errors, 1 << 16).decode("utf-8", "replace")[-ERRORS_KEPT:]
        except BlockingIOError:
            return ""


def start(
    bwrap: str,
    words: Sequence[str],
    files: Mapping[int, bytes],
    info_fd: int,
    user: int | None,
    groups: Sequence[str],
) -> Jail:
    """Fork and execute bubblewrap with the arguments ``words``; returns at once.

    ``files`` maps fixed descriptors to the contents to read there, ``groups`` are ``cgroup.procs`` files to enter,
    ``user`` is the uid and gid to become (None: stay who we are). A failure before bubblewrap runs appears on its
    standard error.
    """
    request_out, request_in = os.pipe()
    reply_out, reply_in = os.pipe()
    error_out, error_in = os.pipe()
    info_out, info_in = os.pipe()
    monitor = os.fork()
    if monitor == 0:
        try:
            for target, source in ((0, request_out), (1, reply_in), (2, error_in), (info_fd, info_in)):
                os.dup2(source, target)
            for target, content in files.items():
                hand_over(content, target)
            enter(groups, user)
            execute(bwrap, words)
        except BaseException as error:
            os.write(2, f"{type(error).__name__}: {error}".encode())
        finally:
            os._exit(127)
    for descriptor in (request_out, reply_in, error_in, info_in):
        os.close(descriptor)
    return Jail(monitor, request_in, reply_out, error_out, info_out)


def hand_over(content: bytes, target: int) -> None:
    """Make ``content`` readable at descriptor ``target``, across exec."""
    source = os.memfd_create("jail", os.MFD_CLOEXEC)
    os.write(source, content)
    os.lseek(source, 0, os.SEEK_SET)
    os.dup2(source, target)


def open_up(folders: Mapping[str, str]) -> None:
    """Make each folder reachable for every user, in a mount namespace of this process. Needs root.

    ``folders`` maps a folder to the closed directory above it; nothing else in that stays visible. Raises OSError.
    """
    if not folders:
        return
    check(LIBC.unshare(CLONE_NEWNS), "a mount namespace for the jail")
    check(LIBC.mount(None, b"/", None, MS_REC | MS_PRIVATE, None), "making mounts private")
    os.umask(0o022)
    opened = {folder: os.open(folder, os.O_PATH) for folder in folders}  # before the covers hide them
    for closed in dict.fromkeys(folders.values()):
        check(LIBC.mount(b"tmpfs", closed.encode(), b"tmpfs", 0, b"mode=755,size=64k"), f"covering {closed}")
    for folder, descriptor in opened.items():
        os.makedirs(folder, exist_ok=True)  # noqa: PTH103 - pathlib takes 10 ms to load
        source = f"/proc/self/fd/{descriptor}".encode()
        check(LIBC.mount(source, folder.encode(), None, MS_BIND | MS_REC, None), f"binding {folder}")
        os.close(descriptor)


def enter(groups: Sequence[str], user: int | None) -> None:
    """Join the control groups, then become the unprivileged user."""
    for path in groups:
        descriptor = os.open(path, os.O_WRONLY)
        os.write(descriptor, b"0")
        os.close(descriptor)
    become(user)


def execute(bwrap: str, words: Sequence[str]) -> NoReturn:
    """Replace this process with bubblewrap, with an empty environment, which its first process inside exposes."""
    os.execve(bwrap, ["bwrap", *words], {})  # noqa: S606 - no shell is wanted


def become(user: int | None) -> None:
    """Drop root permanently. None: there is nothing to drop."""
    if user is not None:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)


def adopt_orphans() -> None:
    """Make this process the reaper of its descendants, so that it can wait for the end of a jail."""
    check(LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl")


def die_with_parent() -> None:
    """Have this process killed when the thread that started it ends. Changing the user undoes it, so call it after."""
    check(LIBC.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), "prctl")


def end_group(leader: int) -> None:
    """Kill whatever is left of ``leader``'s process group."""
    LIBC.killpg(leader, SIGKILL)


def set_alarm(seconds: int) -> None:
    """Have SIGALRM kill this process after ``seconds``, whatever it is doing."""
    LIBC.alarm(seconds)


def check(result: int, what: str) -> None:
    """Raise the OSError of a C call that returned -1."""
    if result == -1:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
