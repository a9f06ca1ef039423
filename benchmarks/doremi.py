"""DoReMi beside uniform and proportional: ``python -m benchmarks.doremi LAKE [--mix NAME] [--seeds 8] [--steps 150]``.

Reads the tokens of a mix of the lake. For each seed it finds DoReMi's weights (a reference and a proxy), then trains
three models at equal tokens, from the same start, on rows sampled by DoReMi's weights, uniformly, and in proportion to
tokens. What counts is the worst domain's excess loss: the largest, over domains, of held-out loss minus that of the
seed's reference. Printed for each pair: the mean difference over seeds (below 0: DoReMi is better), its 95 % interval
(Student's t), and the p of the exact sign-flip test, two-sided. With 8 seeds the least p is 2/256. Prints what comes
out, and in how many pairs each was the better. Trials are kept in ``--work`` and found there.

Cost: 5 trials a seed, 40 for 8 seeds; at 150 steps some 15 s of one core each.
"""

import argparse
import itertools
import math
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.stats import t

from gristmill.core.lake import Lake
from gristmill.tasks.mix.domains import Domain, Shares
from gristmill.tasks.mix.mixers.doremi import DoReMi, DoReMiConfig
from gristmill.tasks.mix.mixers.mixer import Budget, Goal, Outcome, Trial, trial
from gristmill.tasks.mix.mixers.rules import proportional, uniform
from gristmill.tasks.mix.mixers.trials import prepare
from gristmill.tasks.mix.token_store import TokenStore
from gristmill.tasks.train.trial import run

Measured = dict[str, float]


def main() -> None:
    """Run the trials that are not there, and print the comparison."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("lake", type=Path)
    parser.add_argument("--mix", default="default")
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--work", type=Path, default=Path("/tmp/doremi"))  # noqa: S108 - a folder to keep
    words = parser.parse_args()
    lake = Lake.open(words.lake)
    tokens = [lake.files_path(ref) for ref in lake.expect("mix", words.mix).files["tokens"]]
    started = time.perf_counter()
    worst = [experiment(tokens, words.work, words.steps, seed) for seed in range(words.seeds)]
    print(f"{words.seeds} seeds of 5 trials of {words.steps} steps: {time.perf_counter() - started:.0f} s")
    print("worst domain's excess loss over the reference, nats a token: mean over seeds")
    for name in worst[0]:
        print(f"  {name:<14} {np.mean([each[name] for each in worst]):8.4f}")
    for other in ("uniform", "proportional"):
        compare(f"doremi - {other}", [each["doremi"] - each[other] for each in worst])


def experiment(tokens: Sequence[Path], work: Path, steps: int, seed: int) -> Measured:
    """The worst excess loss of each of the three mixtures, with one seed."""
    budget = Budget(steps=steps)
    domains = TokenStore.open(tokens).domains(budget.row_tokens)
    goal = Goal(budget.tokens)
    doremi = DoReMi(DoReMiConfig(budget=budget, seed=seed))
    seen: list[Outcome] = []
    while asked := doremi.ask(domains, goal, seen):
        seen += [outcome_of(each, tokens, work) for each in asked]
    weights = doremi.tell(domains, goal, seen).stages[0].raw
    found = {
        name: worst_excess(sampled(domains, shares, budget, seed, tokens, work), seen[0])
        for name, shares in (
            ("doremi", weights),
            ("uniform", uniform(domains)),
            ("proportional", proportional(domains)),
        )
    }
    shown = ", ".join(f"{name} {value:.4f}" for name, value in found.items())
    print(
        f"seed {seed}: {shown}; weights {', '.join(f'{name} {share:.3f}' for name, share in weights.items())}",
        flush=True,
    )
    return found


def sampled(
    domains: Sequence[Domain], shares: Shares, budget: Budget, seed: int, tokens: Sequence[Path], work: Path
) -> Outcome:
    """A model trained on rows that are drawn by the shares."""
    return outcome_of(trial(domains, shares, budget, loop="sampled", seed=seed), tokens, work)


def outcome_of(asked: Trial, tokens: Sequence[Path], work: Path) -> Outcome:
    """What a trial gives, run here unless it was before."""
    folder = work / asked.id
    prepare(folder, asked, tokens, work / asked.init if asked.init else None)
    return run(folder)


def worst_excess(outcome: Outcome, reference: Outcome) -> float:
    """The largest held-out loss over that of the reference, nats a token."""
    return max(loss - reference.losses[domain] for domain, loss in outcome.losses.items())


def compare(what: str, differences: Sequence[float]) -> None:
    """Print the mean of paired differences with its interval, the sign-flip p, and the wins."""
    values = np.array(differences)
    size = len(values)
    half = float(t.ppf(0.975, size - 1)) * float(values.std(ddof=1)) / math.sqrt(size) if size > 1 else math.nan
    flips = np.array(list(itertools.product((1, -1), repeat=size)))
    p = float((np.abs(flips @ values) >= abs(values.sum()) - 1e-12).mean())
    mean = float(values.mean())
    better = int((values < 0).sum())
    print(f"  {what}: {mean:+.4f} ({mean - half:+.4f} to {mean + half:+.4f}), p {p:.3f}, lower in {better} of {size}")


if __name__ == "__main__":
    main()
