"""The trial trainer: small runs for a mixing method, on the CPU. ``python -m gristmill.tasks.train.trial FOLDER...``

For each folder in turn: reads ``trial.json``; writes ``model.safetensors``, ``usage.json`` (seconds) and, last,
``outcome.json``. Each file appears by rename; a folder with the outcome of the same trial is left as it is, so a killed
run is simply started again; a lock keeps two processes from running one trial. Several trials in a process share the
import of torch, and nothing else. The model is that of training runs (:mod:`gristmill.tasks.train.model`), about 0.25 M
parameters at a vocabulary of 4k, begun with weights of a spread of width^-1/2.

The loop ``sampled`` draws each domain's share of the rows (to within 2, at every step) and takes their mean loss. In
the other loops every batch has every domain (fixed quotas in turn), so the weights act on the loss, not on the
sampling: the loss of a step is sum over domains of weight times mean token loss, in one backward pass.

Deterministic for one machine and one version of torch: one thread, deterministic kernels, seeds. Cost: about 0.1 s a
step of 16 x 64 tokens on one core, 1.3 times that with a reference.
"""

import hashlib
import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save
from torch import Tensor

from gristmill.core.digests import digest_text
from gristmill.core.errors import GristmillError, UsageError
from gristmill.core.files.atomic import write_whole
from gristmill.core.files.locks import locked
from gristmill.tasks.mix.apportion import ShareTree, quantise
from gristmill.tasks.mix.domains import Domain, vector
from gristmill.tasks.mix.mixers.mixer import Budget, Outcome, Trial
from gristmill.tasks.mix.mixers.mixmin import TARGET
from gristmill.tasks.mix.mixers.proxy_size import feed_forward
from gristmill.tasks.mix.mixers.reweighter import reweighter
from gristmill.tasks.mix.mixers.trials import WEIGHTS, TrialJob, write_outcome
from gristmill.tasks.mix.permutation import Integers, key, permute
from gristmill.tasks.mix.token_store import TokenStore
from gristmill.tasks.train.loop import Schedule, make_deterministic, run_steps
from gristmill.tasks.train.model import Llama, LlamaShape, token_losses

WARMUP = 0.1
WEIGHT_DECAY = 0.1
GRADIENT_CLIP = 1.0
HELDOUT_ROWS = 64
SAY_EVERY = 10
ORDER_SALT, SUBSET_SALT = 0x0AD, 0x5E7


def run(folder: Path, earlier: int = 0, later: int = 0) -> Outcome:
    """Run the trial of ``folder``; give its outcome, found or new. Waits for a process that runs the same trial.

    ``earlier`` and ``later`` are the steps of other trials of the job. Raises :class:`GristmillError` when the trial
    was made for other tokens, a batch cannot hold every domain, the reference is missing or not the one trained, or the
    loss is not finite.
    """
    job = TrialJob.read(folder)
    with locked(folder / "trial.lock"):
        known = job.outcome(folder)
        return _run(folder, job, earlier, later) if known is None else known


def _run(folder: Path, job: TrialJob, earlier: int, later: int) -> Outcome:
    started = time.perf_counter()
    trial, budget = job.trial, job.trial.budget
    store = TokenStore.open([Path(path) for path in job.store])
    # Longer rows of the run may leave out a domain that has rows of a trial: the trial names those that count.
    domains = [domain for domain in store.domains(budget.row_tokens) if domain.name in trial.weights]
    job.require(domains)
    make_deterministic(trial.seed, threads=1)
    model = Llama(trial_shape(store.vocab_size, budget))
    reference = _reference(job, store.vocab_size)
    loop = reweighter(trial, domains)
    optimiser = torch.optim.AdamW(model.parameters(), lr=budget.learning_rate, weight_decay=WEIGHT_DECAY)
    reader = TrialRows(store, domains, trial)

    def loss_of(step: int) -> Tensor:
        domain, tokens = reader.next(step - 1)
        rows = torch.from_numpy(tokens)
        losses = token_losses(model, rows)
        with torch.no_grad():
            compared = None if reference is None else token_losses(reference, rows).numpy().ravel()
        weights = loop.step(np.repeat(domain, budget.row_tokens - 1), losses.detach().numpy().ravel(), compared)
        rows_of = np.bincount(domain, minlength=len(domains))
        row_weights = torch.from_numpy((weights / np.maximum(rows_of, 1))[domain]).to(losses.dtype)
        return (losses.mean(dim=1) * row_weights).sum()

    schedule = Schedule(
        steps=budget.steps,
        tokens_per_step=budget.batch_rows * budget.row_tokens,
        rate=lambda step: budget.learning_rate * _schedule(step - 1, budget.steps),
        clip=GRADIENT_CLIP,
        say_every=SAY_EVERY,
        earlier=earlier,
        later=later,
    )
    advice = f"Lower the learning rate of trial {trial.id}."
    for _ in run_steps(model, optimiser, schedule, lambda step: (loss_of(step),), done=0, advice=advice):
        pass  # a trial is short: it keeps nothing on the way
    saved = save(model.state_dict())
    write_whole(folder / WEIGHTS, saved)
    checkpoint = hashlib.sha256(saved).hexdigest()
    size = sum(parameter.numel() for parameter in model.parameters())
    flops = float((6 if reference is None else 8) * size * budget.tokens)
    heldout = HeldoutRows(store, domains, budget.row_tokens)
    outcome = Outcome(
        trial.id,
        heldout.losses(model),
        loop.trace(),
        checkpoint,
        flops,
        time.perf_counter() - started,
        target=_score(folder, model, heldout, trial) if trial.options.get("score") == "target" else None,
        parameters=size,
        heldout={domain.name: domain.heldout for domain in heldout.domains},
    )
    write_outcome(folder, outcome)
    return outcome


def trial_shape(vocab_size: int, budget: Budget) -> LlamaShape:
    """The model of a trial."""
    return LlamaShape(
        vocabulary=vocab_size,
        context=budget.row_tokens - 1,
        hidden=budget.width,
        layers=budget.layers,
        heads=budget.heads,
        kv_heads=budget.heads,
        feed_forward=feed_forward(budget.width),
        spread=budget.width**-0.5,
    )


class TrialRows:
    """Batches with a quota of rows of each domain: its share of the rows (``sampled``), or equal quotas whose rest goes
    to the domains in turn.

    Rows come in the order of seeded permutations, new in each epoch, from the part of the domain the trial may read.
    """

    def __init__(self, store: TokenStore, domains: Sequence[Domain], trial: Trial) -> None:
        self._store, self._domains, self._trial = store, domains, trial
        self._used = np.zeros(len(domains), dtype=np.int64)
        self._tree = ShareTree.of(quantise(vector(trial.weights, domains))) if trial.loop == "sampled" else None

    def next(self, step: int) -> tuple[Integers, NDArray[np.int64]]:
        """Index of the domain of each row, shape (rows,), and the tokens, shape (rows, L+1)."""
        count, batch = len(self._domains), self._trial.budget.batch_rows
        if self._tree is not None:
            counts = self._tree.counts((step + 1) * batch) - self._tree.counts(step * batch)
        else:
            quota, spare = divmod(batch, count)
            counts = quota + ((np.arange(count) - step * spare) % count < spare)
        tokens = [self._rows(number, int(rows)) for number, rows in enumerate(counts) if rows]
        return np.repeat(np.arange(count), counts), np.concatenate(tokens)

    def _rows(self, number: int, rows: int) -> NDArray[np.int64]:
        domain, seed, length = self._domains[number], self._trial.seed, self._trial.budget.row_tokens
        name = int(digest_text(domain.name)[:16], 16)
        held = domain.tokens // length
        visible = max(math.ceil(held * self._trial.data_share), 1)
        ordinals = self._used[number] + np.arange(rows)
        self._used[number] += rows
        inside = permute(ordinals % visible, visible, key(seed, ORDER_SALT, name, ordinals // visible))
        positions = permute(inside, held, key(seed, SUBSET_SALT, name))
        return np.stack([self._store.row(domain.name, place, length) for place in positions.tolist()]).astype(np.int64)


class HeldoutRows:
    """The first held-out rows of each domain that has any; ``domains`` are these, in the order of the store."""

    def __init__(self, store: TokenStore, domains: Sequence[Domain], row_tokens: int) -> None:
        self._store, self._length = store, row_tokens
        self.domains = [domain for domain in domains if self._count(domain.name)]

    def losses(self, model: Llama) -> dict[str, float]:
        """Mean loss of each domain, nats a token."""
        return {domain.name: float(self.scored(model, domain.name).double().mean()) for domain in self.domains}

    def scored(self, model: Llama, domain: str) -> Tensor:
        """The loss of each predicted token of a domain, nats, shape (rows, L)."""
        rows = [self._store.row(domain, place, self._length, "heldout") for place in range(self._count(domain))]
        with torch.no_grad():
            return token_losses(model, torch.from_numpy(np.stack(rows).astype(np.int64)))

    def _count(self, domain: str) -> int:
        return min(self._store.rows(domain, self._length, "heldout"), HELDOUT_ROWS)


def _score(folder: Path, model: Llama, heldout: HeldoutRows, trial: Trial) -> str:
    """Write the log-probabilities of the target (:mod:`gristmill.tasks.mix.mixers.mixmin`); give the file's SHA-256."""
    asked = trial.options.get("target")
    names = [domain.name for domain in heldout.domains if asked in (None, domain.name)]
    if not names:
        raise GristmillError(
            f"trial {trial.id}: the target {asked or 'text'} has no held-out row. Hold out more documents."
        )
    losses = torch.cat([heldout.scored(model, name).flatten() for name in names])
    data = (-losses).numpy().astype("<f4").tobytes()
    write_whole(folder / TARGET, data)
    return hashlib.sha256(data).hexdigest()


def _reference(job: TrialJob, vocab_size: int) -> Llama | None:
    """The trained reference, frozen; None for a trial that needs none."""
    needed = job.trial.init
    if needed is None:
        return None
    if job.init is None:
        raise GristmillError(f"trial {job.trial.id} needs the trained reference {needed}. Give its folder as init.")
    folder = Path(job.init)
    outcome, weights = TrialJob.read(folder).outcome(folder), folder / WEIGHTS
    if outcome is None or outcome.trial != needed:
        raise GristmillError(f"trial {job.trial.id}: {folder} holds no finished trial {needed}. Run it first.")
    if hashlib.sha256(weights.read_bytes()).hexdigest() != outcome.checkpoint:
        raise GristmillError(f"{weights} is not what its trial wrote. Delete the folder and run the trial again.")
    model = Llama(trial_shape(vocab_size, job.trial.budget))
    model.load_state_dict(load_file(weights))
    return model.eval().requires_grad_(False)


def _schedule(step: int, steps: int) -> float:
    """Linear warm-up, then cosine down to a tenth."""
    warm = max(int(steps * WARMUP), 1)
    if step < warm:
        return (step + 1) / warm
    return 0.55 + 0.45 * math.cos(math.pi * (step - warm) / max(steps - warm, 1))


def main(arguments: Sequence[str]) -> int:
    """The command: folders of trials. Exit codes as everywhere: 0 done, 1 failed, 2 usage error."""
    try:
        if not arguments:
            raise UsageError("usage: python -m gristmill.tasks.train.trial FOLDER..., each a folder with trial.json")
        folders = [Path(argument) for argument in arguments]
        steps = [TrialJob.read(folder).trial.budget.steps for folder in folders]
        for number, folder in enumerate(folders):
            outcome = run(folder, sum(steps[:number]), sum(steps[number + 1 :]))
            losses = ", ".join(f"{name} {loss:.3f}" for name, loss in outcome.losses.items())
            print(f"trial {outcome.trial}: held-out loss {losses}", flush=True)
    except GristmillError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
