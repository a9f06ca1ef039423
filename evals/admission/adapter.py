"""LoRA adapters in peft's layout: which are admitted over a base. No torch here; merging is in ``huggingface``.

A folder with ``adapter_config.json`` and ``adapter_model.safetensors``: two matrices for each module it changes. The
base weight W becomes W + s B A, with s = alpha / r, or alpha / sqrt(r) for rank-stabilised LoRA (Hu 2021,
arXiv:2106.09685; Kalajdzievski 2023, arXiv:2312.03732; ``get_delta_weight`` of peft's ``tuners/lora/layer.py``).
Variants that are not that sum (DoRA, trained biases, whole modules saved with it, ranks by pattern) are refused: once
peft has merged and saved them, they are models like any other.
"""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationError

from gristmill.evals.admission.weights import CheckpointError, read_json

ADAPTER, ADAPTER_WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
PREFIX = "base_model.model."
DOWN, UP = ".lora_A.weight", ".lora_B.weight"
MERGE = "Merge it into its base with peft's merge_and_unload, save the result, and submit the new folder"


class Lora(BaseModel):
    """The keys of ``adapter_config.json`` that determine the sum. Other keys describe how it was trained."""

    peft_type: Literal["LORA"]
    base_model_name_or_path: str
    r: Annotated[int, Field(ge=1)]
    lora_alpha: Annotated[float, Field(gt=0)]
    use_rslora: bool = False
    use_dora: Literal[False] = False
    fan_in_fan_out: Literal[False] = False
    bias: Literal["none"] = "none"
    lora_bias: Literal[False] = False
    modules_to_save: None = None
    rank_pattern: Annotated[dict[str, int] | None, Field(max_length=0)] = None
    alpha_pattern: Annotated[dict[str, float] | None, Field(max_length=0)] = None
    # PiSSA, OLoRA, CorDA and the like start by changing the base's weights, which only peft can reproduce.
    init_lora_weights: Literal[True, False, "gaussian", "eva", "orthogonal"] = True
    layer_replication: None = None
    trainable_token_indices: None = None
    target_parameters: None = None
    alora_invocation_tokens: None = None
    use_qalora: Literal[False] | None = None
    use_bdlora: Literal[False] | None = None
    arrow_config: None = None
    kasa_config: None = None
    monteclora_config: None = None

    @property
    def scale(self) -> float:
        """The factor of B A."""
        return self.lora_alpha / (math.sqrt(self.r) if self.use_rslora else self.r)


def read_adapter(folder: Path) -> Lora:
    """The settings of an adapter. Raises :class:`CheckpointError` for a variant that is not supported."""
    settings = read_json(folder / ADAPTER, "Save the adapter with peft's save_pretrained.")
    try:
        return Lora.model_validate(settings)
    except ValidationError as error:
        what = ", ".join(f"{'.'.join(map(str, fault['loc']))} ({fault['msg']})" for fault in error.errors())
        raise CheckpointError(f"{folder}: only plain LoRA adapters are supported: {what}. {MERGE}.") from error


def base_of(folder: Path, adapter: Lora) -> Path:
    """The folder of the base: the path that the adapter names, relative to its own folder.

    Raises :class:`CheckpointError` when there is no such folder; nothing is downloaded by name.
    """
    base = folder / Path(adapter.base_model_name_or_path).expanduser()
    if not base.is_dir():
        raise CheckpointError(
            f"{folder}: the base of this adapter is {adapter.base_model_name_or_path!r}, and there is no such folder. "
            f"Set base_model_name_or_path in {ADAPTER} to the folder of the base, absolute or relative to the adapter."
        )
    return base


def modules(names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """For each module that an adapter changes, the names of its matrices A and B.

    Raises :class:`CheckpointError` for a tensor that belongs to no such pair.
    """
    left = set(names)
    found = {}
    for name in sorted(left):
        if name.startswith(PREFIX) and name.endswith(DOWN):
            found[name[len(PREFIX) : -len(DOWN)]] = (name, name[: -len(DOWN)] + UP)
    strange = sorted(left ^ {name for pair in found.values() for name in pair})
    if strange or not found:
        what = f"{strange[0]} is not one of a pair of LoRA matrices" if strange else "the adapter has no matrices"
        raise CheckpointError(f"{ADAPTER_WEIGHTS}: {what}. {MERGE}.")
    return found


def check_fit(adapter: Lora, shapes: Mapping[str, list[int]], base: Mapping[str, list[int]]) -> None:
    """Raises :class:`CheckpointError` unless every pair of matrices yields the shape of a weight of the base."""
    for module, (down, up) in modules(shapes).items():
        weight = base.get(f"{module}.weight")
        if weight is None:
            raise CheckpointError(f"{ADAPTER_WEIGHTS}: the base has no weight {module}.weight. Name the right base.")
        wanted: list[Any] = [[adapter.r, weight[-1]], [weight[0], adapter.r]]
        if len(weight) != 2 or [shapes[down], shapes[up]] != wanted:
            raise CheckpointError(
                f"{ADAPTER_WEIGHTS}: {module} has matrices of {shapes[down]} and {shapes[up]}, which do not fit rank "
                f"{adapter.r} and the base's weight of {weight}. Name the base that the adapter was trained on."
            )
