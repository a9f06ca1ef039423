"""The arguments of bubblewrap: what the jail sees, and nothing else.

The file system inside is a read-only ``/usr``, our own Python at ``/py``, the worker's two files at ``/jail``,
and three scratch places of bounded size: ``/box`` (the working directory), ``/tmp`` and ``/dev/shm``. Directories
below the two binds that could contain benchmark answers or the project itself (installed packages, ``/usr/local``,
``/usr/src``, the project's folder) are covered by empty ones.

They are passed through ``--args FD``, since ``/proc/1/cmdline`` is readable in the jail and would show host paths.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

ARGUMENTS_FD, SECCOMP_FD, INFO_FD, WORKER_FD, CODEC_FD = 100, 101, 102, 103, 104

BOX_BYTES = TMP_BYTES = 32 << 20
SHM_BYTES = 4 << 20
COVER_BYTES = 4096

IDENTITY = """
    --unshare-all --unshare-user --disable-userns --die-with-parent --new-session
    --uid 65534 --gid 65534 --hostname sbx --cap-drop ALL
    --clearenv --setenv PATH /usr/bin --setenv PYTHONHASHSEED 0 --setenv LD_LIBRARY_PATH /py/lib
"""
SCRATCH = f"""
    --symlink usr/lib /lib --symlink usr/lib64 /lib64 --symlink usr/bin /bin
    --proc /proc --dev /dev --size {SHM_BYTES} --tmpfs /dev/shm --remount-ro /dev
    --size {TMP_BYTES} --tmpfs /tmp --size {BOX_BYTES} --tmpfs /box --chdir /box
    --file {WORKER_FD} /jail/gristmill/evals/jail/worker.pyc --file {CODEC_FD} /jail/gristmill/evals/oracle/codec.pyc
    --remount-ro / --seccomp {SECCOMP_FD} --info-fd {INFO_FD}
"""

# -P -s -S and an empty environment do what -I -S does, but -I would also ignore PYTHONHASHSEED, and the order of sets
# would change from one grading to the next.
PYTHON_FLAGS = ("-P", "-s", "-S", "-B")
BOOTSTRAP = (
    "import sys; sys.path.insert(0, '/jail'); from gristmill.evals.jail.worker import main; sys.path.pop(0); main()"
)


def arguments(python_prefix: Path, hidden: Iterable[Path]) -> list[str]:
    """The arguments for a Python whose files are in ``python_prefix``.

    ``hidden`` are host directories that must not be visible inside, wherever a bind would expose them.
    """
    binds = ((Path("/usr"), Path("/usr")), (python_prefix, Path("/py")))
    words = IDENTITY.split()
    for host, inside in binds:
        words += ["--ro-bind", str(host), str(inside)]
    for host, inside in binds:
        for covered in covers(host, hidden):
            place = str(inside / covered.relative_to(host))
            words += ["--size", str(COVER_BYTES), "--tmpfs", place, "--remount-ro", place]
    return words + SCRATCH.split()


def covers(host: Path, hidden: Iterable[Path]) -> list[Path]:
    """The hidden directories strictly inside ``host``, without those inside another of them."""
    inside = sorted({path for path in hidden if path != host and path.is_relative_to(host)})
    return [path for path in inside if not any(other != path and path.is_relative_to(other) for other in inside)]


def command(python: Path, python_prefix: Path) -> Sequence[str]:
    """The command to run inside: the interpreter, by its path below ``/py``, and the worker."""
    return [str(Path("/py") / python.relative_to(python_prefix)), *PYTHON_FLAGS, "-c", BOOTSTRAP]
