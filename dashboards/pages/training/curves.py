"""The curves of the page Training, and the controls above them, which redraw without loading the page again."""

from asyncio import to_thread
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from nicegui import ui

from gristmill.dashboards.charts.curves import Axes, Curve, Mark, Scale, curve_chart
from gristmill.dashboards.charts.options import Options
from gristmill.dashboards.components.cards import card
from gristmill.dashboards.components.chart import chart, redraw
from gristmill.dashboards.links import checkpoint_url
from gristmill.dashboards.wording import count, distinct
from gristmill.warehouse.connection import Warehouse
from gristmill.warehouse.queries.training.overlay import RunCurves, run_curves
from gristmill.warehouse.queries.training.runs import LIVE, TrainingRun

Along = Literal["tokens", "step"]
MEAN = "mean of the domains"
MOST_CHOSEN = 8
NOTHING = {
    "loss": "None of these runs has told its loss; trainers that do not count tokens are drawn along steps alone.",
    "heldout": "None of these runs measured a held-out loss (heldout_every).",
    "rate": "None of these trainers tells its learning rate.",
    "speed": "None of these runs has told its speed, or their directories below log/training are gone.",
}


@dataclass(frozen=True)
class View:
    """What is drawn, and how: runs by their keys, the axes, the smoothing in hundredths, the held-out domain."""

    runs: tuple[str, ...]
    along: Along
    x: Scale
    y: Scale
    smooth: int
    domain: str


class CurvesView:
    """The charts of one page: loads the runs that are chosen, draws them, and redraws on every change."""

    def __init__(
        self,
        warehouse: Warehouse,
        runs: Sequence[TrainingRun],
        view: View,
        url: Callable[[View], str],
        dark: bool,
    ) -> None:
        self.warehouse, self.runs, self.view, self.url, self.dark = warehouse, list(runs), view, url, dark
        self.loaded: list[RunCurves] = []
        self.charts: dict[str, ui.echart] = {}
        self.notes: dict[str, ui.label] = {}

    def toggle(self, run: str) -> str:
        """The address that draws a run as well, or no more."""
        others = tuple(key for key in self.view.runs if key != run)
        runs = others if run in self.view.runs else (*others, run)[-MOST_CHOSEN:]
        return self.url(replace(self.view, runs=runs)) if runs else self.url(replace(self.view, runs=(run,)))

    async def load(self) -> bool:
        """Read the curves of the chosen runs. False when none has held-out losses of the domain that is asked for."""
        by_key = {run.run: run for run in self.runs}
        chosen = [by_key[key] for key in self.view.runs if key in by_key]
        self.loaded = [await to_thread(run_curves, self.warehouse, run, self.view.x) for run in chosen]
        return self.view.domain in (MEAN, *self.domains())

    def domains(self) -> list[str]:
        """The domains that held-out losses are known of."""
        return sorted({point.domain for one in self.loaded for point in one.heldout})

    def draw(self) -> None:
        """The controls and the charts."""
        self._controls()
        with ui.element("div").classes("columns even level"):
            with card("Training loss", "Nats per token."):
                self._chart("loss", "Training loss")
            with card("Held-out loss", "On rows that no run trains on, nats per token."):
                self._chart("heldout", "Held-out loss")
            with card("Learning rate"):
                self._chart("rate", "Learning rate", small=True)
            with card("Speed", "Tokens per second."):
                self._chart("speed", "Tokens per second", small=True)

    async def refresh(self, runs: Sequence[TrainingRun]) -> None:
        """Draw again what the runs that go on have said since."""
        going = {run.run for run in self.runs if run.state in LIVE}
        self.runs = list(runs)
        if going & set(self.view.runs):
            await self.load()
            self._redraw()

    async def _change(self, **changed: Any) -> None:
        before, self.view = self.view, replace(self.view, **changed)
        if (before.runs, before.x) != (self.view.runs, self.view.x):
            await self.load()
        self._redraw()
        ui.navigate.history.replace(self.url(self.view))

    def _redraw(self) -> None:
        for name, drawn in self.charts.items():
            redraw(drawn, self.options(name))
            self._tell(name)

    def _tell(self, name: str) -> None:
        """Say so where no run has anything to draw."""
        self.notes[name].set_visibility(not any(series["data"] for series in self.charts[name].options["series"]))

    def _controls(self) -> None:
        view = self.view
        names = self._names(list(self.runs))
        with ui.element("div").classes("controls curves"):
            runs = ui.select(
                {run.run: f"{names[run.run]} ({run.state})" for run in self.runs},
                label=f"Runs, at most {MOST_CHOSEN}",
                value=list(view.runs),
                multiple=True,
            )
            runs.props(f"outlined dense use-chips max-values={MOST_CHOSEN}").classes("control runs")
            runs.on_value_change(lambda event: self._change(runs=tuple(event.value or ())))
            self._domain()
            self._switch("Along", {"tokens": "tokens", "step": "steps"}, view.along, "along")
            self._switch("Horizontal axis", {"linear": "linear", "log": "log"}, view.x, "x")
            self._switch("Loss axis", {"linear": "linear", "log": "log"}, view.y, "y")
            with ui.element("div").classes("slider-field"):
                told = ui.label(_smoothing(view.smooth)).classes("tile-label")
                slider = ui.slider(min=0, max=99, step=1, value=view.smooth)
                slider.props('aria-label="Smoothing"')

                async def smooth(event: Any) -> None:
                    """Smooth as the slider says."""
                    told.set_text(_smoothing(int(event.value)))
                    await self._change(smooth=int(event.value))

                slider.on_value_change(smooth)

    def _switch(self, label: str, options: dict[str, str], value: str, name: str) -> None:
        with ui.element("div").classes("switch-field"):
            ui.label(label).classes("tile-label")
            drawn = ui.toggle(options, value=value).props(f'dense no-caps unelevated role=group aria-label="{label}"')
            drawn.on_value_change(lambda event: self._change(**{name: event.value}))

    def _domain(self) -> None:
        if len(self.domains()) > 1:
            drawn = ui.select([MEAN, *self.domains()], label="Held-out loss of", value=self.view.domain)
            drawn.props("outlined dense").classes("control domain")
            drawn.on_value_change(lambda event: self._change(domain=event.value))

    def _chart(self, name: str, about: str, *, small: bool = False) -> None:
        drawn = chart(self.options(name), f"{about}, a line for each run", small=small, redrawn=True)
        self.charts[name] = drawn
        self.notes[name] = ui.label(NOTHING[name]).classes("muted")
        self._tell(name)

    def options(self, name: str) -> Options:
        """The options of one of the charts: loss, heldout, rate or speed."""
        view = self.view
        along = "tokens seen" if view.along == "tokens" else "training step"
        scale: Scale = view.y if name in ("loss", "heldout") else "linear"
        unit = {"loss": "nats per token", "heldout": "nats per token", "rate": "", "speed": "tokens per second"}[name]
        ends = [self._x(one, one.losses[-1].step, one.losses[-1].tokens) for one in self.loaded if one.losses]
        end = max((end for end in ends if end is not None), default=None)
        axes = Axes(along, unit, view.x, scale, name in ("rate", "speed"), end)
        names = self._names([one.run for one in self.loaded])
        curves = [getattr(self, f"_{name}")(one, names[one.run.run]) for one in self.loaded]
        smoothing = view.smooth / 100 if name == "loss" or (name == "speed" and view.smooth) else 0.0
        return curve_chart(curves, axes, self.dark, smoothing)

    def _loss(self, one: RunCurves, name: str) -> Curve:
        placed = [(self._x(one, point.step, point.tokens), point) for point in one.losses]
        points = [(x, point.loss) for x, point in placed if x is not None]
        reach = [(point.low, point.high) for x, point in placed if x is not None]
        marks = []
        for saved in one.checkpoints:
            near = min(one.losses, key=lambda point: abs(point.step - saved.step), default=None)
            at = self._x(one, saved.step, saved.tokens)
            if near is not None and at is not None:
                lead = checkpoint_url(saved.checkpoint) if saved.checkpoint else ""
                marks.append(Mark(at, near.loss, f"{name}: checkpoint of step {count(saved.step)}", lead))
        return Curve(name, points, reach, marks)

    def _heldout(self, one: RunCurves, name: str) -> Curve:
        steps: dict[int, list[float]] = {}
        for point in one.heldout:
            if self.view.domain in (MEAN, point.domain):
                steps.setdefault(point.step, []).append(point.loss)
        means = [(step, None, sum(values) / len(values)) for step, values in sorted(steps.items())]
        return Curve(name, self._placed(one, means), dots=True)

    def _rate(self, one: RunCurves, name: str) -> Curve:
        rates = [(point.step, point.tokens, point.learning_rate) for point in one.losses]
        return Curve(name, self._placed(one, rates))

    def _speed(self, one: RunCurves, name: str) -> Curve:
        return Curve(name, self._placed(one, [(point.step, None, point.tokens_per_second) for point in one.speed]))

    def _placed(
        self, one: RunCurves, values: Sequence[tuple[int, int | None, float | None]]
    ) -> list[tuple[float, float]]:
        """Points of (step, tokens, value), without those whose place or value is not known."""
        placed = [(self._x(one, step, tokens), value) for step, tokens, value in values]
        return [(x, value) for x, value in placed if x is not None and value is not None]

    def _x(self, one: RunCurves, step: int, tokens: int | None) -> float | None:
        """Where a step is drawn; None along tokens for a trainer that does not tell them."""
        if self.view.along == "step":
            return step
        if tokens is not None or one.tokens_per_step is None:
            return tokens
        return round(step * one.tokens_per_step)

    def _names(self, runs: Sequence[TrainingRun]) -> dict[str, str]:
        """A name for each run: its mixture, with the start of its key where several have it."""
        named = distinct([(run.mixture, run.run) for run in runs])
        return {run.run: named[run.mixture, run.run] for run in runs}


def _smoothing(hundredths: int) -> str:
    return f"Smoothing {hundredths / 100:.2f}" if hundredths else "No smoothing"
