"""The adapter for safetensors folders in the Hugging Face layout, on CPU.

:mod:`gristmill.evals.models.decoding.likelihoods` computes likelihoods, :mod:`gristmill.evals.models.decoding.decoding`
texts. Cost per core: a 1.4 M model scores about 20,000 tokens per second, a 135 M model 280 in float32 and 900 in
bfloat16 if the processor supports it.
"""

import inspect
import math
import threading
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any, Literal

import tokenizers
import torch
import transformers
from pydantic import Field
from safetensors import safe_open

from gristmill.core.config import Config
from gristmill.core.errors import GristmillError
from gristmill.evals.admission.adapter import ADAPTER_WEIGHTS, modules, read_adapter
from gristmill.evals.admission.checkpoint import Checkpoint
from gristmill.evals.admission.generation_config import context_of
from gristmill.evals.generation.settings import Generation
from gristmill.evals.models.decoding.architectures import keeps_state
from gristmill.evals.models.decoding.decoding import Decoder
from gristmill.evals.models.decoding.likelihoods import Scorer
from gristmill.evals.models.encoding import Encoder
from gristmill.evals.models.model import LogLikelihood, Output, Progress, TextBits
from gristmill.evals.models.tokenizer import Specials, load_specials, load_tokenizer

UNBOUNDED_CONTEXT = 2048
"""Context of models that state none."""


FASTER = ("assistant_early_exit", "cache_implementation", "prefill_chunk_size", "prompt_lookup_num_tokens", "use_mtp")
"""Keys of a generation config that only save time. Some architectures cannot do what they ask for."""

_one_at_a_time = threading.Lock()
"""transformers patches torch's initialisation while it loads; two loads at once leave tied weights untied."""


class HuggingFaceConfig(Config):
    """How to run a model. Only ``overlap`` and ``dtype`` change a score by more than float32's rounding."""

    threads: Annotated[
        int, Field(ge=1, description="texts run in parallel, each on one core; 1 for models with recurrent states")
    ] = 1
    dtype: Annotated[Literal["float32", "bfloat16"], Field(description="number format of the weights")] = "float32"
    batch_tokens: Annotated[int, Field(ge=1, description="tokens scored in one pass; 1 scores each text alone")] = 1
    batch_rows: Annotated[int, Field(ge=1, description="prompts continued at once")] = 64
    overlap: Annotated[
        float, Field(ge=0, lt=1, description="share of the context that windows of long texts overlap by")
    ] = 0.25
    logits: Annotated[int, Field(ge=1, description="most logits held at once (count)")] = 1 << 26


class HuggingFaceModel:
    """A loaded checkpoint; see :class:`gristmill.evals.models.model.LanguageModel`."""

    def __init__(
        self, model: Any, tokenizer: tokenizers.Tokenizer, specials: Specials, config: HuggingFaceConfig
    ) -> None:
        self._model = model
        self._config = config.model_copy(update={"threads": 1}) if keeps_state(model) else config
        self._context = context_of(model.config.to_dict()) or UNBOUNDED_CONTEXT
        self._encoder = Encoder(tokenizer, specials, self._context)
        keeps = "logits_to_keep" in inspect.signature(model.forward).parameters
        ends = model.generation_config.eos_token_id
        ends = ends if isinstance(ends, list) else [ends] * (ends is not None)
        self._decoder = Decoder(model, tokenizer, specials.ends.union(ends), keeps)
        self._scorer = Scorer(
            model=model,
            keeps=keeps,
            context=self._context,
            vocabulary=int(model.config.get_text_config(decoder=True).vocab_size),
            threads=self._config.threads,
            batch_tokens=config.batch_tokens,
            overlap=config.overlap,
            logits=config.logits,
        )

    @property
    def backend(self) -> str:
        """Versions, number format, device and batch policy."""
        alone = self._config.batch_tokens == 1
        scored = "each text scored alone" if alone else f"{self._config.batch_tokens} tokens scored at once"
        batch = f"{scored}, {self._config.batch_rows} prompts continued at once"
        versions = f"transformers {transformers.__version__}, torch {torch.__version__}"
        return f"hf: {versions}, {self._config.dtype}, cpu, {batch}"

    def generate(
        self, prompts: Sequence[str], seeds: Sequence[int], settings: Generation, progress: Progress
    ) -> list[Output]:
        """Continue every prompt as far as the context allows; see ``gristmill.evals.models.encoding``.

        A sample depends only on its own seed and prompt, not on its neighbours in the batch (except for rounding).
        """
        prepared = self._encoder.prompts(prompts, settings.max_new_tokens)
        order = sorted(range(len(prepared)), key=lambda position: (len(prepared[position].ids), position))
        rows = max(1, min(self._config.batch_rows, -(-len(order) // self._config.threads)))
        parts = [order[at : at + rows] for at in range(0, len(order), rows)]

        def continued(batch: list[int]) -> list[Output]:
            drawn = [torch.Generator().manual_seed(seeds[position]) for position in batch]
            return self._decoder.run([prepared[position] for position in batch], drawn, settings)

        outputs: dict[int, Output] = {}
        progress("generate", 0, len(prepared))
        with ThreadPoolExecutor(self._config.threads) as pool:
            for batch, found in zip(parts, pool.map(continued, parts), strict=True):
                outputs.update(zip(batch, found, strict=True))
                progress("generate", len(outputs), len(prepared))
        return [outputs[position] for position in range(len(prepared))]

    def loglikelihood(
        self, pairs: Sequence[tuple[str, str]], progress: Progress, near: Collection[int] = ()
    ) -> list[LogLikelihood]:
        """Score every ``(context, continuation)``. Raises ``ValueError`` for an empty continuation.

        Pairs at the positions ``near`` continue from what they share with the pair before
        (:mod:`gristmill.evals.models.decoding.prefixes`).
        """
        split = [self._encoder.pair(context, continuation) for context, continuation in pairs]
        scored = self._scorer.score([ids for ids, _ in split], [first for _, first in split], "score", progress, near)
        return [
            LogLikelihood(
                log_probability=float(nats.sum()),
                tokens=len(nats),
                bytes=len(continuation.encode()),
                greedy=bool(greedy.all()),
                lost=min(first, max(0, len(ids) - self._context - 1)),
            )
            for (nats, greedy), (ids, first), (_, continuation) in zip(scored, split, pairs, strict=True)
        ]

    def text_bits(self, texts: Sequence[str], progress: Progress) -> list[TextBits]:
        """Score every text from its first token on, in overlapping windows."""
        rows = [self._encoder.text(text) for text in texts]
        scored = self._scorer.score(rows, [1] * len(rows), "bits", progress)
        return [
            TextBits(-float(nats.sum()) / math.log(2), len(text.encode()))
            for (nats, _), text in zip(scored, texts, strict=True)
        ]


def load(checkpoint: Checkpoint, config: HuggingFaceConfig | None = None) -> HuggingFaceModel:
    """Load an admitted checkpoint. From then on each torch operation in the process runs on one core: two cores read
    two texts in the time of one, but one text only a third faster.

    Raises :class:`GristmillError` for a model type that this transformers does not know, and for weights that do not
    match the model (transformers would initialise missing ones at random and drop the rest). Admission reports the
    same earlier, without the weights.
    """
    config = config or HuggingFaceConfig()
    torch.set_num_threads(1)
    display: Any = transformers.utils.logging
    display.disable_progress_bar()
    display.set_verbosity_error()  # the code below, or admission, reports what matters
    loader: Any = transformers.AutoModelForCausalLM  # its annotation omits the report
    try:
        with _one_at_a_time:
            model, report = loader.from_pretrained(
                checkpoint.model,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                dtype=getattr(torch, config.dtype),
                output_loading_info=True,
            )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        raise GristmillError(
            f"{checkpoint.path}: transformers {transformers.__version__} cannot load this checkpoint: {error}"
        ) from error
    faults = ("missing_keys", "mismatched_keys", "unexpected_keys", "conversion_errors")
    wrong = {name: sorted(map(str, report[name])) for name in faults if report.get(name)}
    if wrong:
        raise GristmillError(
            f"{checkpoint.path}: config.json and the weights do not fit: {wrong}. Save both from the same model."
        )
    if checkpoint.base:
        _merge(model, checkpoint.path)
    model.eval()
    for name in FASTER:
        setattr(model.generation_config, name, None)
    tokenizer = load_tokenizer(checkpoint.model)
    return HuggingFaceModel(model, tokenizer, load_specials(checkpoint.model, tokenizer), config)


@torch.no_grad()
def _merge(model: Any, adapter: Path) -> None:
    """Add the matrices of an admitted LoRA adapter to the weights they change."""
    scale = read_adapter(adapter).scale
    with safe_open(adapter / ADAPTER_WEIGHTS, framework="pt") as matrices:
        for module, (down, up) in modules(matrices.keys()).items():
            weight = model.get_submodule(module).weight
            change = scale * (matrices.get_tensor(up).float() @ matrices.get_tensor(down).float())
            weight.copy_(weight.float() + change)
