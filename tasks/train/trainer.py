"""Train one model: ``python -m gristmill.tasks.train.trainer RUN_DIR``, where ``RUN_DIR/train.json`` says what.

Rows come from the plan in its order, so the position in the data is one integer, and a run that is killed goes on from
its newest checkpoint with the same weights bit for bit as one that was not (fixed threads, deterministic kernels,
optimiser state kept as safetensors beside the checkpoints; see :mod:`gristmill.tasks.train.saving`). Every checkpoint
is a folder that any Llama reader opens. Under ``torchrun`` the ranks share the rows of every step. SIGUSR1 asks for a
checkpoint after the step that runs; SIGTERM for that and the end, with exit code 75
(:mod:`gristmill.tasks.train.asked`).

Cost of the tiny recipe: about 6,000 tokens/s and 600 MB on one core.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path

import numpy as np
import torch

from gristmill.core.digests import digest_file
from gristmill.core.errors import GristmillError
from gristmill.tasks.launch.devices import utilisation
from gristmill.tasks.launch.job import PREEMPTED_EXIT
from gristmill.tasks.mix.plan import Plan
from gristmill.tasks.mix.token_store import TokenStore
from gristmill.tasks.train.asked import Asked, listening
from gristmill.tasks.train.batches import batch
from gristmill.tasks.train.loop import Schedule, Taken, make_deterministic, run_steps
from gristmill.tasks.train.model import Llama, LlamaShape, mean_loss
from gristmill.tasks.train.ranks import Ranks, joined, unsynchronised
from gristmill.tasks.train.recipe import Recipe, RunSettings, TrainingRun
from gristmill.tasks.train.run_files import HELDOUT, LOSSES, SPEED, keep_lines, write_line
from gristmill.tasks.train.saving import discard_unplanned, resume, save
from gristmill.tasks.train.schedule import learning_rate

SAY_EVERY = 5
HELDOUT_ROWS = 16
"""Held-out rows of each domain at each measurement, the same every time."""


def train(run_dir: Path) -> None:
    """Train to the end, resuming from the newest complete checkpoint.

    Raises :class:`GristmillError` for inputs that are missing or do not belong together, for a device that is not
    there, and for a loss that is not finite.
    """
    run = TrainingRun.model_validate_json((run_dir / "train.json").read_bytes())
    settings = run.settings
    prepare_device(settings.device)
    with listening(run_dir) as asked, joined(settings.processes, settings.device) as ranks:
        make_deterministic(settings.seed, settings.threads)
        plan = Plan.load(Path(run.plan))
        store = TokenStore.open([Path(folder) for folder in run.stores])
        plan.require(store)
        require_tokenizer(store, Path(run.tokenizer))
        _train(run_dir, settings, plan, store, Path(run.tokenizer), ranks, asked)


def _train(
    run_dir: Path,
    settings: RunSettings,
    plan: Plan,
    store: TokenStore,
    tokenizer: Path,
    ranks: Ranks,
    asked: Asked,
) -> None:
    recipe = settings.shape
    model = build_model(recipe, store.vocab_size, plan.row_tokens)
    model.to(settings.device)
    optimiser = torch.optim.AdamW(
        model.parameters(),
        lr=settings.learning_rate,
        betas=(recipe.beta1, recipe.beta2),
        weight_decay=recipe.weight_decay,
        foreach=True,
    )
    done = resume(run_dir, model, optimiser, settings)
    model.train()
    wrapped = ranks.wrap(model)

    def parts_of(step: int) -> Iterator[torch.Tensor]:
        """The rows of a step in ``accumulate`` parts, of each of which this rank takes its share."""
        rows = settings.batch_rows // settings.accumulate
        for part in range(settings.accumulate):
            start = (step - 1) * settings.batch_rows + part * rows
            tokens = batch(plan, store, *ranks.share(start, start + rows))
            with unsynchronised(wrapped, last=part == settings.accumulate - 1), casting(settings):
                yield mean_loss(wrapped, torch.from_numpy(tokens).to(settings.device)) / settings.accumulate

    schedule = Schedule(
        steps=settings.steps,
        tokens_per_step=settings.batch_rows * plan.row_tokens,
        rate=lambda step: rate_of(settings, step),
        clip=recipe.gradient_clip,
        say_every=SAY_EVERY if ranks.first else 0,
    )
    advice = f"Lower train.learning_rate ({settings.learning_rate:g}); checkpoints saved before this step are sound."
    steps = run_steps(wrapped, optimiser, schedule, parts_of, done=done, advice=advice, mean=ranks.mean)
    if not ranks.first:
        for taken in steps:  # the first rank writes
            _end_if_asked(taken, settings, ranks, asked)
        return
    keep_lines(run_dir, done)
    flops = recipe.flops_per_token(store.vocab_size, plan.row_tokens - 1)
    heldout_steps = settings.heldout_steps()
    heldout = heldout_rows(store, plan) if heldout_steps else {}
    with ExitStack() as stack:
        names = (LOSSES, HELDOUT, SPEED)
        losses, measured, speed = (
            # by lines, so that whoever watches the run sees each step
            stack.enter_context((run_dir / name).open("a", encoding="utf-8", buffering=1))
            for name in names
        )

        def save_now(step: int) -> None:
            for file in (losses, measured, speed):
                file.flush()
            end_row = step * settings.batch_rows
            save(run_dir, step, end_row, plan.row_tokens, model, optimiser, tokenizer, store.eos_id)
            discard_unplanned(run_dir, settings, step)

        for taken in steps:
            write_line(losses, loss_entry(taken))
            if taken.tokens_per_second is not None:
                write_line(speed, speed_entry(taken, settings, flops))
            if taken.number in heldout_steps:
                found = heldout_losses(model, heldout, settings)
                for domain, loss in found.items():
                    write_line(measured, {"step": taken.number, "domain": domain, "loss": round(loss, 6)})
                told = ", ".join(f"{domain} {loss:.3f}" for domain, loss in found.items())
                print(f"held-out loss after step {taken.number}: {told}", flush=True)
            saving = asked.take_saving()
            if taken.number in settings.checkpoint_steps or saving:
                save_now(taken.number)
                saving = True
            _end_if_asked(taken, settings, ranks, asked, None if saving else save_now)


def _end_if_asked(
    taken: Taken, settings: RunSettings, ranks: Ranks, asked: Asked, save_now: Callable[[int], None] | None = None
) -> None:
    """End this process as preempted when any rank was asked to: after the first has saved, unless it has already.

    Raises ``SystemExit``. Nothing ends after the last step, where the run is over anyway.
    """
    if taken.number == settings.steps or not ranks.agreed(asked.ending):
        return
    if save_now is not None:
        save_now(taken.number)
    ranks.agreed(False)  # the others wait: torchrun ends all when one has ended
    if ranks.first:
        print(f"saved step {taken.number} and ended, as SIGTERM asked", flush=True)
    sys.exit(PREEMPTED_EXIT)


def rate_of(settings: RunSettings, step: int) -> float:
    """The learning rate of a step."""
    return learning_rate(
        settings.schedule,
        settings.learning_rate,
        step,
        settings.steps,
        warmup_share=settings.shape.warmup_share,
        decay_share=settings.decay_share,
    )


def loss_entry(taken: Taken) -> dict[str, float]:
    """The line of a step in ``losses.jsonl``."""
    return {"step": taken.number, "tokens": taken.tokens, "loss": round(taken.loss, 6), "learning_rate": taken.rate}


def speed_entry(taken: Taken, settings: RunSettings, flops_per_token: float) -> dict[str, float | None]:
    """A line of ``speed.jsonl``; no MFU where the device is not known."""
    speed, gpu = taken.tokens_per_second or 0.0, settings.device == "cuda"
    device = torch.cuda.get_device_name() if gpu else ""
    mfu = utilisation(speed, flops_per_token, settings.processes if gpu else 0, device)
    return {"step": taken.number, "tokens_per_second": round(speed, 1), "mfu": mfu}


def prepare_device(device: str) -> None:
    """Raise :class:`GristmillError` when there is no GPU, and choose attention kernels that give equal bytes again."""
    if device == "cpu":
        return
    if not torch.cuda.is_available():
        raise GristmillError("train.device is cuda and torch sees no GPU here. Give --device cpu, or another machine.")
    torch.backends.cuda.enable_mem_efficient_sdp(False)  # its backward pass is not deterministic
    torch.backends.cuda.enable_cudnn_sdp(False)


def casting(settings: RunSettings) -> AbstractContextManager[object]:
    """Matrix products in bfloat16 where that is asked for; weights, optimiser and loss stay float32."""
    if settings.precision == "float32":
        return nullcontext()
    return torch.autocast(settings.device, dtype=torch.bfloat16)


def build_model(recipe: Recipe, vocabulary_size: int, context: int) -> Llama:
    """A freshly initialised model; torch's seed decides its weights."""
    shape = LlamaShape(
        vocabulary=vocabulary_size,
        context=context,
        hidden=recipe.hidden,
        layers=recipe.layers,
        heads=recipe.heads,
        kv_heads=recipe.kv_heads or recipe.heads,
        feed_forward=recipe.feed_forward,
    )
    return Llama(shape)


def heldout_rows(store: TokenStore, plan: Plan) -> dict[str, torch.Tensor]:
    """The first held-out rows of each domain of the plan, int64, rows x L+1; a domain without one is left out."""
    found = {}
    for entry in plan.domains:
        count = min(store.rows(entry.name, plan.row_tokens, "heldout"), HELDOUT_ROWS)
        if count:
            rows = [store.row(entry.name, place, plan.row_tokens, "heldout") for place in range(count)]
            found[entry.name] = torch.from_numpy(np.stack(rows).astype(np.int64))
    return found


def heldout_losses(model: Llama, heldout: dict[str, torch.Tensor], settings: RunSettings) -> dict[str, float]:
    """Mean loss, nats a token, by domain. Changes nothing of the run: the model has no dropout and nothing is drawn."""
    with torch.no_grad(), casting(settings):
        return {domain: float(mean_loss(model, rows.to(settings.device))) for domain, rows in heldout.items()}


def require_tokenizer(store: TokenStore, tokenizer: Path) -> None:
    """Raise :class:`GristmillError` unless the tokens of ``store`` were made with the tokenizer in that folder."""
    if digest_file(tokenizer / "tokenizer.json") != store.tokenizer:
        raise GristmillError(
            f"{tokenizer} is not the tokenizer that the tokens were made with. Give the tokenizer and the token "
            "folders of the same mix run."
        )


def main(run_dir: Path) -> None:
    """Train, and end with a message and exit code 1 for errors that a user can fix."""
    try:
        train(run_dir)
    except GristmillError as error:
        sys.exit(f"training: {error}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
