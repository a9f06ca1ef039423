"""What a person sees while a flow runs: steps done, rate, time left. On standard error, so that results can be piped.

On a terminal this is a live display; elsewhere (a pipe, a scheduler's log) one line for each finished step, and now and
then one for each run that is followed.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol, Self

from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from gristmill.core.printable import printable

LINE_SECONDS = 30.0


class Advance(Protocol):
    """Reports to the display that ``count`` more units are done."""

    def __call__(self, count: int = 1, note: str = "") -> None: ...


class Meter:
    """Carries progress from running steps to the display of the step, which is opened later."""

    def __init__(self) -> None:
        self.advance: Advance | None = None
        self.show: Callable[[str, str, str], None] | None = None
        self._lock = threading.Lock()

    def counter(self) -> Callable[[int, str], None]:
        """A function for one run: it takes how many of its units are done, and a note. It never counts back."""
        before = 0

        def told(done: int, note: str) -> None:
            nonlocal before
            with self._lock:
                if self.advance is not None:
                    self.advance(max(0, done - before), note)
                before = max(before, done)

        return told

    def tell(self, name: str, line: str, picture: str) -> None:
        """How the run called ``name`` stands: see :meth:`Reporter.show`."""
        with self._lock:
            if self.show is not None:
                self.show(name, line, picture)

    def progress(self) -> Callable[[str, int, int], None]:
        """A function for one run: it takes what is being done, how many units are done, and how many there are."""
        told = self.counter()
        return lambda _what, done, _of: told(done, "")


class Display(Progress):
    """A progress display with lines below it, by name."""

    def __init__(self, *columns: ProgressColumn, console: Console) -> None:
        self.lines: dict[str, str] = {}  # drawn by what Progress sets up
        super().__init__(*columns, console=console)

    def get_renderables(self) -> Iterable[RenderableType]:
        """See :class:`rich.progress.Progress`."""
        yield from super().get_renderables()
        width = max((len(name) for name in self.lines), default=0)
        for name, line in list(self.lines.items()):
            yield Text(f"  {name:<{width}}  {line}", style="dim", no_wrap=True, overflow="ellipsis")


@dataclass
class Reporter:
    """A progress display for one flow. Use as a context manager; one at a time may be live on a terminal."""

    console: Console = field(default_factory=lambda: Console(stderr=True))
    progress: Display | None = None
    said: dict[str, float] = field(default_factory=dict)
    """When a line of a run was last printed where there is no live display."""

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self.progress = Display(
                SpinnerColumn(),
                TextColumn("{task.description:<24}"),
                BarColumn(bar_width=28),
                MofNCompleteColumn(),
                TextColumn("{task.fields[unit]}"),
                TextColumn("{task.fields[rate]}"),
                TimeRemainingColumn(compact=True, elapsed_when_finished=True),
                TextColumn("[dim]{task.fields[note]}"),
                console=self.console,
            )
            self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.progress is not None:
            self.progress.stop()

    def say(self, line: str) -> None:
        """One line for the person, above any live display."""
        self.console.print(printable(line), highlight=False, markup=False, soft_wrap=True)

    def show(self, name: str, line: str, picture: str) -> None:
        """How a run stands: a line below the display with a ``picture`` of its past, which anything else than a
        terminal does without and gets every ``LINE_SECONDS``."""
        if self.progress is not None:
            self.progress.lines[name] = f"{printable(line)}  {picture}"
        elif time.monotonic() - self.said.get(name, -LINE_SECONDS) >= LINE_SECONDS:
            self.said[name] = time.monotonic()
            self.say(f"{name}: {line}")

    @contextmanager
    def track(self, what: str, total: int, unit: str) -> Iterator[Advance]:
        """Show the progress of ``total`` units of work called ``what``."""
        started = time.perf_counter()
        done = 0
        noted = ""
        bar = self.progress
        task = bar.add_task(what, total=total, unit=unit, rate="", note="") if bar is not None else None

        def advance(count: int = 1, note: str = "") -> None:
            nonlocal done, noted
            done += count
            noted = note or noted
            if bar is not None and task is not None:
                rate = done / max(time.perf_counter() - started, 1e-9)
                bar.update(task, advance=count, rate=f"{rate:,.1f}/s", note=noted)

        yield advance
        if bar is not None:
            bar.lines.clear()
        seconds = time.perf_counter() - started
        if bar is None:
            rate = f"{done / seconds:,.1f} {unit}/s" if seconds > 0 else ""
            self.say(f"{what:<24} {done:>7,} {unit:<10} {seconds:7.1f} s  {rate}  {noted}".rstrip())


def to_standard_output(text: str) -> None:
    """Print a result (JSON, a number) where a pipe expects it."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
