"""Numbers out of the lines that trainers print, and what a status keeps between attempts."""

from pathlib import Path

import pytest

from gristmill.tasks.launch.devices import peak_flops, utilisation
from gristmill.tasks.launch.job import PROGRESS, Status
from gristmill.tasks.launch.progress import Progress, number, read_progress


def test_the_last_line_of_the_embedded_trainer_gives_its_numbers(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("step 5 of 65 loss 7.1 tokens 100\nstep 10 of 65 loss 6.250 tokens 41600\nsaved\n")
    words = "step 10 of 65 loss 6.250 tokens 41600"
    assert read_progress(log, PROGRESS) == Progress(words, 10, 65, 6.25, 41600)
    assert read_progress(log, "^(nothing)") == Progress()


def test_a_pattern_of_another_trainer_may_name_rate_and_mfu(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("step: 10  loss:  8.1234  memory: 1.2GiB  tps: 7,123  tflops: 41.2  mfu: 13.20%\n")
    pattern = r"(step:\s+(?P<step>\d+)\s+loss:\s+(?P<loss>\S+).*tps: (?P<tokens_per_second>\S+).*mfu: (?P<mfu>\S+))"
    found = read_progress(log, pattern)
    assert (found.step, found.loss, found.tokens_per_second) == (10, 8.1234, 7123)
    assert found.mfu == pytest.approx(0.132)


def test_numbers_as_trainers_print_them() -> None:
    assert [number(text) for text in ("1,234", "24.9K", "3e-4", "-1.5", "nan", "x")] == [
        1234,
        24900,
        3e-4,
        -1.5,
        None,
        None,
    ]


def test_utilisation_is_told_only_for_cards_that_are_known() -> None:
    assert peak_flops("NVIDIA H100 80GB HBM3") == 989e12
    assert peak_flops("NVIDIA H100 PCIe") == 756e12
    assert peak_flops("NVIDIA A100-SXM4-80GB") == 312e12
    assert utilisation(1000, 1e9, 2, "NVIDIA L4") == pytest.approx(1e12 / 242e12)
    assert utilisation(1000, 1e9, 1, "Tesla K80") is None


def test_an_attempt_is_counted_once_and_the_next_keeps_what_was_used() -> None:
    running = Status(state="running", unsaved_seconds=10, gpu_seconds=160, step=7)
    preempted = running.ended("preempted", 8)
    assert (preempted.preemptions, preempted.failures, preempted.wasted_gpu_seconds) == (1, 0, 80)
    assert preempted.ended("failed", 8) == preempted
    following = preempted.again()
    assert (following.state, following.attempt, following.step) == ("queued", 2, None)
    assert (following.preemptions, following.wasted_seconds, following.gpu_seconds) == (1, 10, 160)
    assert running.ended("cancelled", 8).wasted_seconds == 0
    assert Status.model_validate_json('{"state": "running", "attempt": 3}').attempt == 3
