"""Train one model: ``python -m gristmill.tasks.train.trainer RUN_DIR``, where ``RUN_DIR/train.json`` says what.

Rows come from the plan in its order, so the position in the data is one integer, and a run that is killed goes on from
its newest checkpoint with the same weights bit for bit as one that was not (fixed threads, deterministic kernels,
optimiser state kept as safetensors beside the checkpoints). Every checkpoint is a folder that any Llama reader opens.

::

    checkpoints/step-000065/    config.json, model.safetensors, tokenizer files, checkpoint.json; appears by rename
    state/step-000065.safetensors  optimiser moments
    losses.jsonl                one line per step

Cost of the tiny recipe: about 6,000 tokens/s and 600 MB on one core.
"""

import json
import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional
from transformers import LlamaConfig, LlamaForCausalLM

from gristmill.core.digests import digest_file
from gristmill.core.errors import GristmillError
from gristmill.core.files.atomic import write_whole
from gristmill.tasks.mix.plan import Plan, batch
from gristmill.tasks.mix.token_store import TokenStore
from gristmill.tasks.train.loop import Schedule, make_deterministic, run_steps
from gristmill.tasks.train.recipe import RECIPES, Recipe, RunSettings, TrainingRun, learning_rate

SAY_EVERY = 5


def train(run_dir: Path) -> None:
    """Train to the end, resuming from the newest complete checkpoint.

    Raises :class:`GristmillError` for inputs that are missing or do not belong together, and for a loss that is not
    finite.
    """
    run = TrainingRun.model_validate_json((run_dir / "train.json").read_bytes())
    settings = run.settings
    recipe = RECIPES[settings.recipe]
    make_deterministic(settings.seed, settings.threads)
    plan = Plan.load(Path(run.plan))
    store = TokenStore.open([Path(folder) for folder in run.stores])
    plan.require(store)
    require_tokenizer(store, Path(run.tokenizer))
    model = build_model(recipe, store.vocab_size, plan.row_tokens, store.eos_id)
    optimiser = torch.optim.AdamW(
        model.parameters(),
        lr=settings.learning_rate,
        betas=(recipe.beta1, recipe.beta2),
        weight_decay=recipe.weight_decay,
        foreach=True,
    )
    done = resume(run_dir, model, optimiser, settings)
    model.train()

    def loss_of(step: int) -> torch.Tensor:
        first = (step - 1) * settings.batch_rows
        return mean_loss(model, torch.from_numpy(batch(plan, store, first, first + settings.batch_rows)))

    schedule = Schedule(
        steps=settings.steps,
        tokens_per_step=settings.batch_rows * plan.row_tokens,
        rate=lambda step: learning_rate(recipe, settings.learning_rate, step, settings.steps),
        clip=recipe.gradient_clip,
        say_every=SAY_EVERY,
    )
    advice = f"Lower train.learning_rate ({settings.learning_rate:g}); checkpoints saved before this step are sound."
    with (run_dir / "losses.jsonl").open("a", encoding="utf-8") as losses:
        for taken in run_steps(model, optimiser, schedule, loss_of, done=done, advice=advice):
            entry = {
                "step": taken.number,
                "tokens": taken.tokens,
                "loss": round(taken.loss, 6),
                "learning_rate": taken.rate,
            }
            losses.write(json.dumps(entry) + "\n")
            if taken.number in settings.checkpoint_steps:
                losses.flush()
                end_row = taken.number * settings.batch_rows
                save(run_dir, taken.number, end_row, plan.row_tokens, model, optimiser, Path(run.tokenizer))


def build_model(recipe: Recipe, vocabulary_size: int, context: int, end_of_text: int) -> LlamaForCausalLM:
    """A freshly initialised model; torch's seed decides its weights."""
    config = LlamaConfig(
        vocab_size=vocabulary_size,
        hidden_size=recipe.hidden,
        intermediate_size=recipe.feed_forward,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.heads,
        max_position_embeddings=context,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=end_of_text,
        attention_dropout=0.0,
    )
    return LlamaForCausalLM(config)


def mean_loss(model: LlamaForCausalLM, rows: torch.Tensor) -> torch.Tensor:
    """Mean loss, nats a token, on ``rows`` (int64, rows x L+1)."""
    logits = model(input_ids=rows[:, :-1], use_cache=False).logits
    return functional.cross_entropy(logits.flatten(0, 1).float(), rows[:, 1:].flatten())


def save(
    run_dir: Path,
    step: int,
    end_row: int,
    row_tokens: int,
    model: LlamaForCausalLM,
    optimiser: torch.optim.Optimizer,
    tokenizer: Path,
) -> None:
    """Write optimiser state, then the checkpoint; a checkpoint that is visible can be resumed from."""
    state_dir = run_dir / "state"
    state_dir.mkdir(exist_ok=True)
    moments = {
        f"{number}.{name}": value.contiguous()
        for number, entry in optimiser.state_dict()["state"].items()
        for name, value in entry.items()
    }
    temporary_state = state_dir / f"step-{step:06d}.tmp"
    save_file(moments, temporary_state)
    temporary_state.replace(state_path(run_dir, step))

    target = checkpoint_path(run_dir, step)
    temporary = target.with_suffix(".tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    model.save_pretrained(temporary)
    for file in sorted(tokenizer.glob("*.json")):
        shutil.copyfile(file, temporary / file.name)
    facts = {"step": step, "tokens": end_row * row_tokens, "first_row": 0, "end_row": end_row}
    (temporary / "checkpoint.json").write_text(json.dumps(facts), encoding="utf-8")
    temporary.rename(target)


def resume(run_dir: Path, model: LlamaForCausalLM, optimiser: torch.optim.Optimizer, settings: RunSettings) -> int:
    """Load the newest complete checkpoint if there is one; returns the steps already done."""
    done = max((step for step in settings.checkpoint_steps if is_complete(run_dir, step)), default=0)
    kept: list[str] = []
    path = run_dir / "losses.jsonl"
    if done:
        load_weights(model, checkpoint_path(run_dir, done) / "model.safetensors")
        state = optimiser.state_dict()
        moments: dict[int, dict[str, torch.Tensor]] = {}
        for name, value in load_file(state_path(run_dir, done)).items():
            number, _, kind = name.partition(".")
            moments.setdefault(int(number), {})[kind] = value
        optimiser.load_state_dict({"state": moments, "param_groups": state["param_groups"]})
        # A checkpoint is saved after its losses are on file; what follows may be cut off in the middle of a line.
        kept = path.read_text(encoding="utf-8").splitlines()[:done]
    write_whole(path, "".join(f"{line}\n" for line in kept))
    return done


def load_weights(model: LlamaForCausalLM, path: Path) -> None:
    """Load safetensors weights; the output layer may be absent, since it is the embedding. Raises when others are."""
    missing, unexpected = model.load_state_dict(load_file(path), strict=False)
    if unexpected or set(missing) - {"lm_head.weight"}:
        raise GristmillError(f"{path} does not fit the recipe: missing {missing}, unexpected {unexpected}")
    model.tie_weights()


def is_complete(run_dir: Path, step: int) -> bool:
    """Whether the checkpoint of ``step`` and its optimiser state are there."""
    return checkpoint_path(run_dir, step).is_dir() and state_path(run_dir, step).is_file()


def checkpoint_path(run_dir: Path, step: int) -> Path:
    """Folder of the checkpoint of ``step``."""
    return run_dir / "checkpoints" / f"step-{step:06d}"


def state_path(run_dir: Path, step: int) -> Path:
    """Optimiser state of ``step``."""
    return run_dir / "state" / f"step-{step:06d}.safetensors"


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
