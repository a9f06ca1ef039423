"""What a person sees of runs that are followed, on a terminal and elsewhere."""

import io

import pytest
from rich.console import Console

from gristmill.flows.live import LiveRun, clock, sparkline
from gristmill.flows.reporter import Meter, Reporter
from gristmill.flows.train.jobs import shown_in
from gristmill.tasks.launch.job import Status


def status(step: int, loss: float | None = None, **more: float) -> Status:
    return Status.model_validate({"state": "running", "step": step, "loss": loss, **more})


def test_a_line_tells_step_loss_rate_and_time_left() -> None:
    run = LiveRun(300)
    assert run.line(status(10, 6.5), now=100.0) == "step 10 of 300  loss 6.500"
    told = run.line(status(20, 6.25, tokens_per_second=6012.4, mfu=0.412), now=105.0)
    assert told == "step 20 of 300  loss 6.250  6,012 tokens/s  MFU 41.2%  2:20 left"
    assert run.line(status(12, 6.4), now=200.0) == "step 12 of 300  loss 6.400", "it went back: the rate begins anew"


def test_a_trainer_that_tells_little_gets_a_line_too() -> None:
    run = LiveRun(40)
    assert run.line(status(4), now=0.0) == "step 4 of 40"
    assert run.line(Status(state="running", step=8, steps=50), now=3600.0) == "step 8 of 50  10:30:00 left"
    assert run.picture() == ""


def test_a_picture_shows_the_whole_course_however_long() -> None:
    assert sparkline([3.0, 2.0, 1.0], 30) == "█▅▁"
    assert sparkline([2.0, 2.0], 30) == "▁▁"
    run = LiveRun(1000)
    for step in range(1000):
        run.line(status(step, 1000.0 - step))
    assert len(run.losses) <= 128
    assert run.losses[0] == 1000.0
    assert run.picture()[0] == "█"
    assert run.picture()[-1] == "▁"
    assert len(run.picture()) == 30


@pytest.mark.parametrize(("seconds", "told"), [(0, "0:00"), (59.6, "1:00"), (3725, "1:02:05"), (-3, "0:00")])
def test_a_clock_reads(seconds: float, told: str) -> None:
    assert clock(seconds) == told


def test_a_terminal_has_a_line_for_each_run_below_its_display() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=120, record=True)
    with Reporter(console) as report, report.track("train", 20, "steps"):
        meter = Meter()
        meter.show = report.show
        for name, loss in (("even", 3.5), ("doremi", 3.25)):
            shown_in(meter, name, 10)(status(5, loss))
        assert report.progress is not None
        console.print(*report.progress.get_renderables())
    text = console.export_text()
    assert "  even    step 5 of 10  loss 3.500  ▁" in text
    assert "  doremi  step 5 of 10  loss 3.250  ▁" in text
    assert report.progress.lines == {}, "they end with the step"


def test_elsewhere_a_run_gets_a_line_of_plain_text_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("gristmill.flows.reporter.time.monotonic", lambda: now[0])
    out = io.StringIO()
    report = Reporter(Console(file=out, width=120))
    for second in (0, 10, 20, 40):
        now[0] = float(second)
        report.show("even", f"step {second} of 50", "█▁")
    assert out.getvalue().splitlines() == ["even: step 0 of 50", "even: step 40 of 50"]


def test_nothing_is_shown_without_a_display() -> None:
    Meter().tell("even", "step 1 of 2", "")
