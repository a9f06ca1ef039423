"""Swarm: many small trials, a law of loss over mixtures, and the best mixture by that law, with evidence of how far to
trust it.

The family of RegMix (arXiv 2407.01492) and Olmix (arXiv 2602.12237). ``ask`` gives the whole design at once, so trials
run side by side; then, where asked for, trials of the winner. These and held-out trials are never fitted. Cost: 4
trials a domain for draws, 2 for single domains, 18 for anchors and a ninth of all for holding out; the fit takes
seconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gristmill.core.errors import GristmillError
from gristmill.tasks.mix.domains import Domain, Shares, named
from gristmill.tasks.mix.mixers.caps import limits
from gristmill.tasks.mix.mixers.checks import Check
from gristmill.tasks.mix.mixers.mixer import Budget, Goal, Mixture, Outcome, Stage, Trial, inputs_digest
from gristmill.tasks.mix.mixers.proxy_size import size_of
from gristmill.tasks.mix.mixers.swarm.checks import make_checks, winner_checks
from gristmill.tasks.mix.mixers.swarm.design import Designed, again, make_design, natural
from gristmill.tasks.mix.mixers.swarm.fit import Evidence, gather
from gristmill.tasks.mix.mixers.swarm.report import Bounds, SwarmReport, make_report, solve, with_predictions
from gristmill.tasks.mix.mixers.swarm.reuse import reusable
from gristmill.tasks.mix.mixers.swarm.settings import SwarmConfig


@dataclass(frozen=True)
class SwarmResult:
    """The mixture with all that is shown beside it. ``trials`` are those of the report, with their roles."""

    mixture: Mixture
    report: SwarmReport
    checks: tuple[Check, ...]
    trials: tuple[Designed, ...]


@dataclass(frozen=True)
class Swarm:
    """The mixer. ``earlier`` are trials of designs for earlier data; those that a change left valid are fitted too."""

    config: SwarmConfig
    earlier: tuple[Designed, ...] = ()

    @property
    def budget(self) -> Budget:
        """The size of every trial."""
        return self.config.budget

    def steps(self, domains: Sequence[Domain]) -> int:
        """The steps of all trials, if no earlier design spares any."""
        return (self.config.design.count(len(domains)) + self.config.adaptive) * self.config.budget.steps

    def ask(self, domains: Sequence[Domain], goal: Goal, seen: Sequence[Outcome]) -> list[Trial]:
        """All trials of the design that are not there yet; then those of the winner, if any were asked for.

        Raises :class:`GristmillError` for fewer than two domains or too few tokens, and as :meth:`tell` does.
        """
        done = {outcome.trial for outcome in seen}
        design = self.design(domains, goal)
        missing = [each.trial for each in design if each.trial.id not in done and not each.earlier]
        if missing or not self.config.adaptive:
            return missing
        _, report = self._report(domains, goal, seen)
        return [each.trial for each in self._adaptive(domains, goal, report) if each.trial.id not in done]

    def tell(self, domains: Sequence[Domain], goal: Goal, seen: Sequence[Outcome]) -> Mixture:
        """The mixture: ``raw`` without caps, ``weights`` under the goal's. Diagnostics are the checks of
        :meth:`result`.

        Raises :class:`GristmillError` when trials are missing or measured nothing.
        """
        return self.result(domains, goal, seen).mixture

    def result(self, domains: Sequence[Domain], goal: Goal, seen: Sequence[Outcome]) -> SwarmResult:
        """The mixture with error bars, predictions and checks. Raises as :meth:`tell` does."""
        evidence, report = self._report(domains, goal, seen)
        outcomes = {outcome.trial: outcome for outcome in seen}
        used = [outcomes[each.trial.id] for each in evidence.trials]
        checks = make_checks(report, evidence, self.config.fit, min(size_of(each, self.config.budget) for each in used))
        told: dict[str, float | bool] = {check.name: check.value for check in checks}
        told["nothing_learnt"] = report.folds.nothing_learnt
        stage = Stage(goal.target_tokens, named(report.raw, domains), named(report.weights, domains))
        mixture = Mixture((stage,), "swarm", inputs_digest(domains, goal, used, self.config), told)
        chosen = self._adaptive(domains, goal, report)
        if any(each.trial.id in outcomes for each in chosen):
            after = gather(chosen, domains, seen, self.config.fit.metrics)
            # What the winner's own trials measured stands beside the mixture and never in it: it was chosen before.
            checks += winner_checks(report, after)
            report = with_predictions(report, after)
            return SwarmResult(mixture, report, tuple(checks), (*evidence.trials, *after.trials))
        return SwarmResult(mixture, report, tuple(checks), evidence.trials)

    def at_caps(self, domains: Sequence[Domain], goal: Goal, result: SwarmResult) -> Shares:
        """The optimum by the same laws under another goal's caps: what :func:`gristmill.tasks.mix.mixers.caps.at_caps`
        takes as ``solve``."""
        if result.report.folds.nothing_learnt:
            return result.mixture.stages[0].raw
        weights = solve(result.report.fit.laws, result.report.importance, self._bounds(domains, goal))
        return named(weights, domains)

    def design(self, domains: Sequence[Domain], goal: Goal) -> tuple[Designed, ...]:
        """The trials with their roles, those of earlier designs that still count last; they spare as many draws."""
        made = make_design(domains, goal, self.config.budget, self.config.design, self.config.seed)
        ids = {each.trial.id for each in made}
        valid = {each.id for each in reusable([each.trial for each in self.earlier], domains)}
        old = tuple(
            replace(each, earlier=True)
            for each in self.earlier
            if each.trial.id in valid and each.trial.id not in ids and each.trial.budget == self.config.budget
        )
        drawn = [each.trial.id for each in made if each.role == "design"]
        spared = sum(each.role == "design" for each in old)
        dropped = set(drawn[max(len(domains), len(drawn) - spared) :])
        kept = (each for each in made if each.trial.id not in dropped and each.twin not in dropped)
        return (*kept, *old)

    def _adaptive(self, domains: Sequence[Domain], goal: Goal, report: SwarmReport) -> tuple[Designed, ...]:
        return again(domains, report.weights, goal, self.config.budget, self.config.seed, self.config.adaptive)

    def _report(self, domains: Sequence[Domain], goal: Goal, seen: Sequence[Outcome]) -> tuple[Evidence, SwarmReport]:
        """The trials of the design, and what they tell."""
        done = {outcome.trial for outcome in seen}
        design = self.design(domains, goal)
        if missing := [each.trial.id for each in design if each.trial.id not in done and not each.earlier]:
            raise GristmillError(
                f"the swarm has not seen {len(missing)} of its {len(design)} trials, the first {missing[0]}. Run what "
                "ask() gives until it gives none."
            )
        evidence = gather(design, domains, seen, self.config.fit.metrics)
        return evidence, make_report(evidence, self._bounds(domains, goal), self.config.fit, self.config.seed)

    def _bounds(self, domains: Sequence[Domain], goal: Goal) -> Bounds:
        floors, ceilings = limits(domains, goal)
        return Bounds(natural(domains, goal), floors, ceilings, self.config.kl)
