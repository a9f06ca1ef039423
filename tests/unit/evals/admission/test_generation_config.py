"""generation_config.json: greedy answers are those of ``model.generate``, or the checkpoint is refused."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from gristmill.evals.admission.checkpoint import CheckpointError, admit
from gristmill.evals.generation.settings import Generation
from gristmill.evals.models.huggingface import load
from gristmill.evals.models.model import silent
from gristmill.evals.models.tokenizer import load_specials, load_tokenizer
from tests.helpers.parity import VOCABULARY, make_parity_checkpoint
from tests.helpers.tiny_checkpoint import make_tokenizer

pytestmark = pytest.mark.usefixtures("quick_admission")

NEW_TOKENS = 14
PROMPTS = ("The function returns a list", "Question: What is 2 + 3?\nAnswer:", "def add(a, b):\n", "a")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_parity_checkpoint(tmp_path_factory.mktemp("models") / "base", begins=False)


@pytest.fixture
def folder(base: Path, tmp_path: Path) -> Path:
    return shutil.copytree(base, tmp_path / "model")


def state(folder: Path, **values: Any) -> None:
    (folder / "generation_config.json").write_text(json.dumps(values), encoding="utf-8")


def generated(folder: Path) -> list[list[int]]:
    """What ``model.generate`` adds to each prompt alone: the peer, from the folder as it stands."""
    model: Any = transformers.AutoModelForCausalLM.from_pretrained(folder).eval()
    tokenizer, made = load_tokenizer(folder), []
    for prompt in PROMPTS:
        ids = torch.tensor([tokenizer.encode(prompt, add_special_tokens=False).ids])
        found = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=NEW_TOKENS)
        made.append(found[0, ids.shape[1] :].tolist())
    return made


@pytest.fixture(scope="module")
def free(base: Path) -> list[list[int]]:
    """The answers where nothing is asked for."""
    return generated(base)


def changed(made: list[int]) -> dict[str, dict[str, Any]]:
    """A table of generation configs, most of them about tokens of the free answer to the first prompt, ``made``."""
    return {
        "eos list": {"eos_token_id": [VOCABULARY - 1, made[3]]},
        "eos of its own": {"eos_token_id": made[5]},
        "eos null": {"eos_token_id": None},
        "max_length": {"max_length": 3, "eos_token_id": VOCABULARY - 1},
        "max_new_tokens": {"max_new_tokens": 2, "max_length": 1024},
        "sampling": {"do_sample": True, "temperature": 0.1, "top_k": 3, "top_p": 0.5, "num_return_sequences": 1},
        "forced_eos": {"forced_eos_token_id": made[2]},
        "forced_bos": {"forced_bos_token_id": made[4], "bos_token_id": made[1]},
        "suppress": {"suppress_tokens": made[:4]},
        "begin_suppress": {"begin_suppress_tokens": made[:1]},
        "begin_suppress after bos": {"begin_suppress_tokens": made[:1], "forced_bos_token_id": made[2]},
        "bad words": {"bad_words_ids": [made[1:3], [made[0]]]},
        "bias": {"sequence_bias": [[[made[0]], -9.0], [made[2:4], 4.0]]},
        "repetition": {"repetition_penalty": 1.7},
        "encoder repetition": {"encoder_repetition_penalty": 1.4},
        "no repeated ngram": {"no_repeat_ngram_size": 2},
        "no ngram of the prompt": {"encoder_no_repeat_ngram_size": 1},
        "min_length": {"min_length": 14, "eos_token_id": made[2]},
        "min_new_tokens": {"min_new_tokens": 8, "eos_token_id": [made[2], made[4]], "min_length": 1},
        "decay": {"exponential_decay_length_penalty": [2, 1.9], "eos_token_id": made[6]},
        "together": {
            "repetition_penalty": 1.3,
            "no_repeat_ngram_size": 3,
            "min_new_tokens": 4,
            "eos_token_id": made[3],
        },
    }


NAMES = (
    *("eos list", "eos of its own", "eos null", "max_length", "max_new_tokens", "sampling", "forced_eos", "forced_bos"),
    *("suppress", "begin_suppress", "begin_suppress after bos", "bad words", "bias", "repetition"),
    *("encoder repetition", "no repeated ngram", "no ngram of the prompt", "min_length", "min_new_tokens", "decay"),
    "together",
)


@pytest.fixture(scope="module")
def peer(base: Path, free: list[list[int]], tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[list[int]]]:
    """The answers of ``model.generate`` under every config of the table."""
    found, folder = {}, shutil.copytree(base, tmp_path_factory.mktemp("peer") / "model")
    for name, values in changed(free[0]).items():
        state(folder, **values)
        found[name] = generated(folder)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_greedy_answers_are_those_of_generate(
    folder: Path, free: list[list[int]], peer: dict[str, list[list[int]]], name: str
) -> None:
    state(folder, **changed(free[0])[name])
    model, tokenizer = load(admit(folder)), load_tokenizer(folder)
    outputs = model.generate(PROMPTS, [0] * len(PROMPTS), Generation(max_new_tokens=NEW_TOKENS), silent)
    ends = load_specials(folder, tokenizer).ends
    for prompt, output, wanted in zip(PROMPTS, outputs, peer[name], strict=True):
        ended = wanted[-1] in ends
        tail = tokenizer.encode(prompt, add_special_tokens=False).ids[-4:]
        whole = tokenizer.decode(tail + (wanted[:-1] if ended else wanted))
        assert (output.text, output.tokens) == (whole[len(tokenizer.decode(tail)) :], len(wanted))
        assert output.finish == ("end" if ended else "length")


def test_the_table_changes_answers(free: list[list[int]], peer: dict[str, list[list[int]]]) -> None:
    """Most configs of the table change what is generated, so that a config that is not read cannot pass."""
    assert set(peer) == set(NAMES)
    same = {name for name, answers in peer.items() if answers == free}
    assert same <= {"eos null", "max_length", "max_new_tokens", "sampling"}


def test_without_the_file_config_json_says_where_answers_end(folder: Path, free: list[list[int]]) -> None:
    made = free[0]
    config = json.loads((folder / "config.json").read_bytes())
    settings = Generation(max_new_tokens=NEW_TOKENS)
    (folder / "config.json").write_text(json.dumps(config | {"eos_token_id": [made[2], made[4]]}))
    (early,) = load(admit(folder)).generate(PROMPTS[:1], [0], settings, silent)
    assert (early.tokens, early.finish) == (len(generated(folder)[0]), "end")
    state(folder, eos_token_id=VOCABULARY - 1)  # the file stands above config.json
    (late,) = load(admit(folder)).generate(PROMPTS[:1], [0], settings, silent)
    assert late.tokens == len(generated(folder)[0]) > early.tokens


def test_drawn_answers_heed_the_rules_and_not_the_configs_sampling(folder: Path) -> None:
    settings = Generation(max_new_tokens=NEW_TOKENS, temperature=1.0)
    plain = load(admit(folder)).generate(PROMPTS, [1, 2, 3, 4], settings, silent)
    state(folder, do_sample=True, temperature=0.01, top_k=1)
    assert load(admit(folder)).generate(PROMPTS, [1, 2, 3, 4], settings, silent) == plain
    allowed = 65
    state(folder, suppress_tokens=[token for token in range(VOCABULARY) if token != allowed])
    (output,) = load(admit(folder)).generate(PROMPTS[:1], [1], settings, silent)
    assert output.text == load_tokenizer(folder).decode([allowed]) * NEW_TOKENS


def test_the_generation_config_belongs_to_the_identity(folder: Path) -> None:
    digests = {admit(folder).digest}
    for values in ({"eos_token_id": 5}, {"eos_token_id": [5]}, {"eos_token_id": 5, "repetition_penalty": 1.2}):
        state(folder, **values)
        digests.add(admit(folder).digest)
    assert len(digests) == 4
    before = admit(folder).digest
    state(folder, eos_token_id=5, repetition_penalty=1.2, transformers_version="9.9", _from_model_config=True)
    assert admit(folder).digest == before


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"num_beams": 4}, "num_beams is 4: it asks for decoding other than greedy"),
        ({"penalty_alpha": 0.6, "top_k": 4}, "penalty_alpha is 0.6: it asks for decoding other than greedy"),
        ({"guidance_scale": 1.5}, "guidance_scale is 1.5"),
        ({"dola_layers": "high"}, "dola_layers"),
        ({"stop_strings": ["\n"]}, "stop_strings"),
        ({"max_time": 1.0}, "max_time"),
        ({"token_healing": True}, "token_healing"),
        ({"watermarking_config": {"bias": 2}}, "watermarking_config"),
        ({"force_words_ids": [[1]]}, "force_words_ids"),
        ({"eos_token_id": "</s>"}, "eos_token_id is '</s>'"),
        ({"repetition_penalty": 0}, "repetition_penalty is 0"),
        ({"suppress_tokens": [-1]}, "suppress_tokens"),
        ({"forced_bos_token_id": VOCABULARY}, f"names token {VOCABULARY}, and the model has {VOCABULARY}"),
        ({"bad_words_ids": [[1, 9999]]}, "names token 9999"),
        ({"exponential_decay_length_penalty": [2, 1.1]}, "eos_token_id does not say what ends one"),
        (
            {"exponential_decay_length_penalty": [2, 1.1], "eos_token_id": 9999},
            "names token 9999",
        ),
    ],
)
def test_what_generate_would_do_otherwise_is_refused(folder: Path, values: dict[str, Any], message: str) -> None:
    state(folder, **values)
    with pytest.raises(CheckpointError, match=message):
        admit(folder)


def test_a_broken_generation_config_is_refused(folder: Path) -> None:
    """transformers would go on without a word with what config.json says."""
    (folder / "generation_config.json").write_text("{", encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"generation_config\.json: this is not JSON"):
        admit(folder)


def test_what_changes_no_greedy_answer_is_admitted(folder: Path) -> None:
    settings = Generation(max_new_tokens=NEW_TOKENS)
    plain = load(admit(folder)).generate(PROMPTS, [0] * len(PROMPTS), settings, silent)
    faster = {"use_cache": True, "prompt_lookup_num_tokens": 3, "cache_implementation": "static", "use_mtp": True}
    state(folder, num_beams=1, guidance_scale=1.0, penalty_alpha=0.0, **faster)
    assert load(admit(folder)).generate(PROMPTS, [0] * len(PROMPTS), settings, silent) == plain


def test_a_model_with_a_state_heeds_the_rules_too(tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = transformers.MambaConfig(
        vocab_size=VOCABULARY, hidden_size=64, num_hidden_layers=2, state_size=8, eos_token_id=319, bos_token_id=None
    )
    model = transformers.MambaForCausalLM(config)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.normal_(0, 0.15)
    model.save_pretrained(tmp_path)
    make_tokenizer(tmp_path / "tokenizer.json", VOCABULARY)
    rules = {"repetition_penalty": 1.5, "no_repeat_ngram_size": 2, "suppress_tokens": [5, 9], "max_length": 4}
    state(tmp_path, eos_token_id=[VOCABULARY - 1], cache_implementation="static", use_mtp=True, **rules)
    outputs = load(admit(tmp_path)).generate(PROMPTS, [0] * len(PROMPTS), Generation(max_new_tokens=9), silent)
    state(tmp_path, eos_token_id=[VOCABULARY - 1], **rules)  # generate itself can do without what only saves time
    tokenizer = load_tokenizer(tmp_path)
    for prompt, output, wanted in zip(PROMPTS, outputs, generated(tmp_path), strict=True):
        tail = tokenizer.encode(prompt, add_special_tokens=False).ids[-4:]
        assert output.text == tokenizer.decode(tail + wanted[:9])[len(tokenizer.decode(tail)) :]
