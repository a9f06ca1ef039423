"""The worker inside the jail: it loads the candidate once and answers calls until the pipe closes.

The pipes arrive as descriptors 0 and 1. The worker moves them out of the way and points 0, 1 and 2 at ``/dev/null``
before it runs a line of the candidate, so prints go nowhere and reads end at once. It sets the resource limits on
itself, because inside the new user namespace ``RLIMIT_NPROC`` counts only this jail's processes (Linux 5.14 and
later).

Nothing here is trusted once the candidate runs: both share one interpreter, and the candidate may rewrite all of it. It
gains nothing by that, since it can choose its answers anyway, and the expected answers are elsewhere.

Requests are ``(id, args, kwargs)``; replies are ``(id, "value", value)``, ``(id, "raised", [class names], message)`` or
``(id, "unsendable", reason)``. The first request is the limits and the second the job, both mappings: the program
arrives only once the limits are set. Replies about these two have the id ``b""``.
"""

from __future__ import annotations

import posix  # what os is made of: os itself takes 1.5 ms to load, for every program
import resource
import sys

from gristmill.evals.oracle import codec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

MODULE = "candidate"


def main() -> None:
    """Serve one job on descriptors 0 and 1; returns when the other side hangs up."""
    requests, replies = posix.dup(0), posix.dup(1)
    null = posix.open("/dev/null", posix.O_RDWR)
    for descriptor in (0, 1, 2):
        posix.dup2(null, descriptor)
    posix.close(null)
    # The program is sent only after this reply. By then bubblewrap dies with its parent, so a grader killed while the
    # jail starts leaves at most a worker that finds the pipe closed.
    write(replies, codec.frame((b"", "value", "up")))
    limits: Any = read_frame(requests)
    if limits is None:
        return
    set_limits(limits)
    write(replies, codec.frame((b"", "value", "limited")))
    job: Any = read_frame(requests)
    if job is None:
        return
    max_bytes = job["max_bytes"]
    namespace: dict[str, Any] = {}

    def load() -> None:
        module = type(sys)(MODULE)
        sys.modules[MODULE] = module
        exec(compile(job["code"], "<candidate>", "exec"), module.__dict__)  # noqa: S102 - this is what the jail is for
        if job["entry_point"] not in module.__dict__:
            raise NameError(f"the program does not define {job['entry_point']}")
        namespace.update(entry=module.__dict__[job["entry_point"]])
        if job["live_tests"] is not None:
            run_live(job["live_tests"], job["entry_point"], module.__dict__)

    write(replies, answer(b"", load, (), {}, max_bytes))
    while True:
        request: Any = read_frame(requests)
        if request is None:
            return
        identity, args, kwargs = request
        write(replies, answer(identity, namespace["entry"], args, kwargs, max_bytes))


def run_live(tests: str, entry_point: str, program: dict[str, Any]) -> None:
    """Run the tests next to the candidate, for items whose arguments or results are not plain data."""
    exec(compile(tests, "<tests>", "exec"), program)  # noqa: S102 - inside the jail
    if "check" in program:
        program["check"](program[entry_point])


def answer(
    identity: bytes, call: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], max_bytes: int
) -> bytes:
    """The reply frame of one call. Whatever the candidate raises, including an exit, becomes an answer."""
    try:
        value = call(*args, **kwargs)
        return codec.frame((identity, "value", value), max_bytes, lower=True)
    except codec.TooLargeError as error:
        return codec.frame((identity, "unsendable", f"output: {error}"))
    except codec.CodecError as error:
        return codec.frame((identity, "unsendable", f"type: {error}"))
    except BaseException as error:  # SystemExit and KeyboardInterrupt are answers of the candidate too
        classes = [kind.__name__[:100] for kind in type(error).__mro__[:20]]
        message = describe(error)
    return codec.frame((identity, "raised", classes, message))


def describe(error: BaseException) -> str:
    """A short description of an exception whose own ``__str__`` may raise or be endless."""
    try:
        return str.__str__(str(error))[:500]
    except Exception as second:
        return f"<no text: {type(second).__name__}>"


def set_limits(limits: dict[str, int]) -> None:
    """Set each ``RLIMIT_<name>``, hard and soft, never above the existing hard limit."""
    for name, value in limits.items():
        kind = getattr(resource, "RLIMIT_" + name)
        hard = resource.getrlimit(kind)[1]
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (bound, bound))


def read_frame(descriptor: int) -> object:
    """The next value from the pipe, or None at its end."""
    header = read_exactly(descriptor, 4)
    if not header:
        return None
    return codec.decode(read_exactly(descriptor, codec.frame_length(header)))


def read_exactly(descriptor: int, count: int) -> bytes:
    """``count`` bytes, or fewer at the end of the pipe."""
    data = bytearray()
    while len(data) < count:
        part = posix.read(descriptor, count - len(data))
        if not part:
            break
        data += part
    return bytes(data)


def write(descriptor: int, data: bytes) -> None:
    """Write all of ``data``."""
    view = memoryview(data)
    while view:
        view = view[posix.write(descriptor, view) :]
