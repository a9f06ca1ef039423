"""``generation_config.json``: how a checkpoint wants to be decoded. Checked at admission, without torch.

Keys that change a greedy answer are applied as ``model.generate`` of transformers applies them
(:mod:`gristmill.evals.models.decoding.logits`), or the checkpoint is refused. The suite decides how long an answer is,
how it is sampled and how many there are, so those keys are ignored, as are keys that only save time. Without the file
transformers reads the same keys from config.json.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gristmill.evals.admission.weights import CheckpointError, read_json

GENERATION = "generation_config.json"
OTHER_DECODING = frozenset(
    {
        "constraints",
        "dola_layers",
        "force_words_ids",
        "guidance_scale",
        "max_time",
        "num_beam_groups",
        "num_beams",
        "penalty_alpha",
        "stop_strings",
        "token_healing",
        "watermarking_config",
    }
)
"""Keys that ask for more than greedy decoding up to an end-of-text token."""
RULES = (
    "suppress_tokens",
    "begin_suppress_tokens",
    "bad_words_ids",
    "sequence_bias",
    "repetition_penalty",
    "encoder_repetition_penalty",
    "no_repeat_ngram_size",
    "encoder_no_repeat_ngram_size",
    "min_length",
    "min_new_tokens",
    "exponential_decay_length_penalty",
)
"""Keys that change logits, apart from those that force a token."""
CONTEXTS = ("max_position_embeddings", "n_positions", "max_seq_len", "context_length", "seq_length", "n_ctx")
"""Names of the context length: ``max_seq_len`` in MPT, ``context_length`` in RWKV, ``seq_length`` in Bloom."""
MOST_CONTEXT = 1 << 27
"""Longest plausible context in tokens; the longest of a published model is ten million."""
HINT = "Remove the key from that file"

Token = Annotated[int, Field(ge=0, strict=True)]
Tokens = Annotated[list[Token], Field(min_length=1)]
Words = Annotated[list[Tokens], Field(min_length=1)]


class GenerationRules(BaseModel):
    """The keys that are applied, and those that are refused unless off. Other keys change no greedy answer."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    bos_token_id: Token | None = None
    eos_token_id: Token | Tokens | None = None
    forced_bos_token_id: Token | None = None
    forced_eos_token_id: Token | Tokens | None = None
    suppress_tokens: list[Token] | None = None
    begin_suppress_tokens: list[Token] | None = None
    bad_words_ids: Words | None = None
    sequence_bias: list[tuple[Tokens, float]] | None = None
    repetition_penalty: Annotated[float, Field(gt=0)] | None = None
    encoder_repetition_penalty: Annotated[float, Field(gt=0)] | None = None
    no_repeat_ngram_size: Annotated[int, Field(ge=0)] | None = None
    encoder_no_repeat_ngram_size: Annotated[int, Field(ge=0)] | None = None
    min_length: Annotated[int, Field(ge=0)] | None = None
    min_new_tokens: Annotated[int, Field(ge=0)] | None = None
    exponential_decay_length_penalty: tuple[int, float] | None = None

    num_beams: Annotated[int, Field(ge=1, le=1)] | None = None
    num_beam_groups: Annotated[int, Field(ge=1, le=1)] | None = None
    penalty_alpha: Annotated[float, Field(ge=0, le=0)] | None = None
    guidance_scale: Annotated[float, Field(ge=1, le=1)] | None = None
    token_healing: Literal[False] | None = None
    dola_layers: None = None
    watermarking_config: None = None
    constraints: None = None
    force_words_ids: None = None
    stop_strings: None = None
    max_time: None = None

    @property
    def ends(self) -> list[int]:
        """The tokens that end an answer."""
        return _tokens(self.eos_token_id)

    @property
    def in_effect(self) -> list[str]:
        """The rules that change logits."""
        off = {name: 1 if name.endswith("penalty") else 0 for name in RULES}
        forced = [name for name in ("forced_bos_token_id", "forced_eos_token_id") if getattr(self, name) is not None]
        return [*forced, *(name for name in RULES if getattr(self, name) not in (None, [], off[name]))]

    @property
    def others(self) -> list[int]:
        """Every other token that a rule names; the model must have it to force or suppress it."""
        groups = [*(self.bad_words_ids or []), *(tokens for tokens, _ in self.sequence_bias or [])]
        named = [self.forced_bos_token_id, self.forced_eos_token_id, self.suppress_tokens, self.begin_suppress_tokens]
        if self.exponential_decay_length_penalty is not None:
            named.append(self.eos_token_id)
        return [token for group in [*groups, *named] for token in _tokens(group)]


def _tokens(stated: int | list[int] | None) -> list[int]:
    return stated if isinstance(stated, list) else [] if stated is None else [stated]


def read_generation(folder: Path) -> dict[str, Any] | None:
    """The object in the file; None without a file. Raises :class:`CheckpointError` if it is not a JSON object."""
    path = folder / GENERATION
    return read_json(path, "Save it with save_pretrained, or remove it.") if path.is_file() else None


def generation_rules(folder: Path, config: dict[str, Any]) -> GenerationRules:
    """The rules of a checkpoint whose config.json is ``config``.

    Raises :class:`CheckpointError` for an unusable value, and for decoding that is not greedy and that no suite asks
    for: beams, contrastive search, guidance, watermarks, stop strings, a limit of time.
    """
    stated = read_generation(folder)
    name, values = GENERATION, stated or {}
    if stated is None:
        name, values = "config.json", text_settings(config)
    try:
        rules = GenerationRules.model_validate(values)
    except ValidationError as error:
        fault = error.errors()[0]
        key = str(fault["loc"][0])
        why = (
            "it asks for decoding other than greedy, so its answers could not be compared"
            if key in OTHER_DECODING
            else fault["msg"]
        )
        raise CheckpointError(f"{folder / name}: {key} is {values[key]!r}: {why}. {HINT}.") from error
    if rules.exponential_decay_length_penalty is not None and not rules.ends:
        raise CheckpointError(
            f"{folder / name}: exponential_decay_length_penalty makes the end of an answer likelier, but eos_token_id "
            f"does not say what ends one. {HINT}, or add eos_token_id."
        )
    return rules


def text_settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """What config.json says about the language model. A config of several models has it in the part about text, where
    transformers looks for it too."""
    parts = (config.get(name) for name in ("decoder", "generator", "text_config"))
    text: dict[str, Any] = next((part for part in parts if isinstance(part, dict) and part), {})
    return {**text, **{key: value for key, value in config.items() if value is not None}}


def context_of(config: Mapping[str, Any]) -> int | None:
    """How many tokens a model reads at once according to its config.json; None if it does not say."""
    settings = text_settings(config)
    return next((settings[name] for name in CONTEXTS if settings.get(name) is not None), None)


def check_context(path: Path, config: Mapping[str, Any]) -> None:
    """Raises :class:`CheckpointError` if the config at ``path`` states an impossible context length."""
    settings = text_settings(config)
    for name in CONTEXTS:
        value = settings.get(name)
        if value is not None and (type(value) is not int or not 1 <= value <= MOST_CONTEXT):
            raise CheckpointError(
                f"{path}: {name} is {value!r}. It is how many tokens the model reads at once: write the whole number "
                f"that the model was trained with, from 1 to {MOST_CONTEXT:,}, or remove the key."
            )
