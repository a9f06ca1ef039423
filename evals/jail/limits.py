"""How much of the machine one graded program may use."""

import math

from pydantic import Field

from gristmill.core.config import Config


class Limits(Config):
    """Bounds of one program, over all its calls together. The defaults are those of the code suites.

    Processor time stops a slow program. Wall time is wider, so that a loaded machine does not turn a right answer into
    a timeout; it stops a program that sleeps.
    """

    cpu_seconds: int = Field(3, ge=1, description="processor seconds of each process in the jail")
    wall_seconds: float = Field(10.0, gt=0, description="seconds from the start of the program to its last answer")
    test_seconds: int = Field(15, ge=1, description="seconds for the tests themselves, on what the program returned")
    memory_bytes: int = Field(
        1 << 30, ge=64 << 20, description="address space of each process; memory of all, with a cgroup"
    )
    file_bytes: int = Field(16 << 20, ge=0, description="largest file that can be written")
    open_files: int = Field(64, ge=16, description="descriptors of each process")
    processes: int = Field(32, ge=1, description="processes and threads in the jail")
    source_bytes: int = Field(1 << 20, ge=1024, description="longest text of a program; a longer one is not run")
    output_bytes: int = Field(1 << 20, ge=1024, description="largest encoded answer to one call")

    def rlimits(self) -> dict[str, int]:
        """The limits that the worker sets on itself, by their ``RLIMIT_`` name."""
        return {
            "AS": self.memory_bytes,
            "CPU": self.cpu_seconds,
            "FSIZE": self.file_bytes,
            "NOFILE": self.open_files,
            "CORE": 0,
            "NPROC": self.processes,
        }

    @property
    def checker_seconds(self) -> int:
        """Seconds for program and tests together, from when the jail is up; then the checker is stopped."""
        return math.ceil(self.wall_seconds) + self.test_seconds
