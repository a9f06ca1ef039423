"""Evaluation with a real model, real suites and the real jail; and the controls: gold, null, forger."""

import json
import math
import shutil
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from gristmill.core.errors import GristmillError
from gristmill.evals.admission.checkpoint import Checkpoint, admit
from gristmill.evals.generation.costs import asked, shortened
from gristmill.evals.generation.requests import Request, requests_of
from gristmill.evals.generation.respond import respond
from gristmill.evals.generation.responses import ResponseStore
from gristmill.evals.generation.settings import Generation
from gristmill.evals.jail.capability import capability
from gristmill.evals.models.decoding.decoding import Decoder
from gristmill.evals.models.decoding.prefixes import Reader, memory_of
from gristmill.evals.models.encoding import Prompt
from gristmill.evals.models.huggingface import HuggingFaceConfig, HuggingFaceModel, load
from gristmill.evals.models.model import LanguageModel, LogLikelihood, Output, Progress, TextBits, silent
from gristmill.evals.scoring.grading import grade
from gristmill.evals.scoring.perplexity import evaluate_perplexity
from gristmill.evals.scoring.scores import score
from gristmill.evals.suites.settings import own_suites
from gristmill.evals.suites.suite import Suite, load_suite
from gristmill.schemas.tables import Responses, Samples, Scores
from tests.helpers.controls import CONTROL, Scripted, empty, gold
from tests.helpers.tiny_checkpoint import make_checkpoint

TEXTS = ["def f(x):\n    return x\n", "The function returns a list.", "é猫 is more than ASCII", "x"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def checkpoint(folder: Path) -> Checkpoint:
    return admit(folder)


@pytest.fixture(scope="module")
def model(checkpoint: Checkpoint) -> HuggingFaceModel:
    return load(checkpoint)


@pytest.fixture(scope="module")
def plain(folder: Path) -> Any:
    """The same weights as transformers loads them, to compare with."""
    return transformers.LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


@pytest.fixture(scope="module")
def tokenizer(folder: Path) -> Any:
    return transformers.PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))


SHOTS = "".join(f"Question: What is {number} + 3?\nAnswer: {number + 3}\n" for number in range(6))
SHARING = [
    SHOTS + rest for rest in ("", "def add(a, b):\n", "The", "The function returns a list of the items", "x " * 40)
]


# -- controls: models whose score is known ----------------------------------------------------------------------


def evaluate(
    model: LanguageModel, checkpoint: str, suite: Suite, store: Path, progress: Progress = silent
) -> tuple[pa.Table, pa.Table, pa.Table]:
    """Responses, samples and scores under the suite's conventions."""
    with ResponseStore(store, checkpoint, model.backend) as kept:
        responses = respond(model, checkpoint, suite.name, requests_of(suite), kept, progress)
    samples = grade(suite, responses, suite.settings.conventions, jail_workers=2, progress=progress)
    return responses, samples, score(suite, samples)


def need_jail(suite: Suite) -> None:
    if suite.code and not capability().usable:
        pytest.skip(capability().reason)


@pytest.mark.parametrize("name", own_suites())
def test_the_gold_model_is_always_right(name: str, tmp_path: Path) -> None:
    suite = load_suite(name)
    need_jail(suite)
    _, samples, scores = evaluate(gold(suite), CONTROL, suite, tmp_path)
    assert [row for row in samples.to_pylist() if row["value"] != 1] == []
    for row in scores.to_pylist():
        assert (row["value"], row["high"], row["n"], row["failures"]) == (1.0, 1.0, len(suite.items), 0)
        assert row["jail_tier"] == ("bubblewrap" if name == "gristmill-code" else "")
    assert scores["convention"].to_pylist() == list(suite.settings.conventions)
    assert scores["headline"].to_pylist() == [True] + [False] * (len(suite.settings.conventions) - 1)


@pytest.mark.parametrize("name", own_suites())
def test_the_empty_model_scores_nothing_or_chance(name: str, tmp_path: Path) -> None:
    suite = load_suite(name)
    need_jail(suite)
    _, _, scores = evaluate(empty(), CONTROL, suite, tmp_path)
    row = scores.to_pylist()[0]
    if suite.chance is not None:  # a tie everywhere: always the first option
        assert row["value"] == row["chance"] == 0.25
        assert row["above_chance"] > 0.5
    else:
        assert (row["value"], row["low"]) == (0.0, 0.0)
        assert row["above_chance"] is None


def test_forged_passes_are_none(tmp_path: Path) -> None:
    suite = load_suite("gristmill-code")
    need_jail(suite)
    forgeries = (
        "    import os; os._exit(0)\n",
        "    raise SystemExit(0)\n",
        "    class A:\n        __eq__ = lambda s, o: True\n        __hash__ = None\n    return A()\n",
        "    class I(int):\n        __eq__ = lambda s, o: True\n    return I()\n",
        "    import sys\n    f = sys._getframe()\n    while f: f.f_globals['check'] = print; f = f.f_back\n",
    )
    few = suite.model_copy(update={"items": suite.items[: len(forgeries)]})
    outputs = {few.prompt(item): text for item, text in zip(few.items, forgeries, strict=True)}
    _, samples, scores = evaluate(Scripted(outputs, lambda prompt, text: False), CONTROL, few, tmp_path)
    assert scores["value"].to_pylist() == [0.0]
    assert "pass" not in samples["verdict"].to_pylist()


def test_a_failure_of_the_machine_is_no_score(tmp_path: Path) -> None:
    """A check that never calls the candidate is a fault of ours: verdict infra, which stops the suite."""
    suite = load_suite("gristmill-code")
    need_jail(suite)
    broken = suite.items[0].model_copy(update={"check": "def check(candidate):\n    raise OSError('no disk')\n"})
    few = suite.model_copy(update={"items": (broken, *suite.items[1:3])})
    with pytest.raises(GristmillError, match=rf"failed on 1 of 3 graded answers .*: {broken.id}\. .*no disk"):
        evaluate(gold(few), CONTROL, few, tmp_path)


# -- what was answered is kept ----------------------------------------------------------------------------------


class Failing(Scripted):
    """Gives ``batches`` batches of answers and then fails; counts what it was asked."""

    def __init__(self, suite: Suite, batches: int) -> None:
        right = gold(suite)
        super().__init__(right.outputs, right.likes)
        self.batches, self.asked = batches, 0

    def loglikelihood(
        self, pairs: Sequence[tuple[str, str]], progress: Progress, near: Collection[int] = ()
    ) -> list[LogLikelihood]:
        if not self.batches:
            raise ConnectionError("the machine went away")
        self.batches -= 1
        self.asked += len(pairs)
        return super().loglikelihood(pairs, progress, near)


def test_a_run_that_was_cut_off_asks_only_for_what_is_missing(tmp_path: Path) -> None:
    suite = load_suite("gristmill-reading")
    first, second, third = Failing(suite, 2), Failing(suite, 100), Failing(suite, 0)
    with pytest.raises(ConnectionError):
        evaluate(first, CONTROL, suite, tmp_path)
    (segment,) = tmp_path.rglob("*.jsonl")
    with segment.open("ab") as file:
        file.write(b'{"key": "torn')  # what a kill leaves in the middle of a write
    responses, _, scores = evaluate(second, CONTROL, suite, tmp_path)
    assert 0 < first.asked < len(responses)
    assert first.asked + second.asked == len(responses) == 4 * len(suite.items)
    assert scores["value"].to_pylist() == [1.0, 1.0]
    again = evaluate(third, CONTROL, suite, tmp_path)  # would fail if it were asked anything
    assert again[0].equals(responses)


def test_answers_of_another_checkpoint_or_backend_are_not_taken(tmp_path: Path) -> None:
    suite = load_suite("gristmill-reading")
    evaluate(Failing(suite, 100), CONTROL, suite, tmp_path)
    other = Failing(suite, 100)
    other.backend = "scripted, float16"
    evaluate(other, CONTROL, suite, tmp_path)
    assert other.asked == 4 * len(suite.items)
    with pytest.raises(ConnectionError):
        evaluate(Failing(suite, 0), "d" * 32, suite, tmp_path)


# -- the adapter against transformers ---------------------------------------------------------------------------


def generate(model: HuggingFaceModel, prompts: Sequence[str], settings: Generation) -> list[Output]:
    return model.generate(prompts, range(len(prompts)), settings, silent)


def reference_nats(plain: Any, ids: list[int], first: int) -> float:
    with torch.inference_mode():
        logits = plain(torch.tensor([ids])).logits[0].log_softmax(-1).double()
    return float(sum(logits[at - 1, ids[at]] for at in range(first, len(ids))))


def test_text_bits_are_those_of_the_model(model: HuggingFaceModel, plain: Any, tokenizer: Any) -> None:
    end = plain.config.eos_token_id
    for text, found in zip(TEXTS, model.text_bits(TEXTS, silent), strict=True):
        nats = reference_nats(plain, [end, *tokenizer(text)["input_ids"]], 1)
        assert found.bits == pytest.approx(-nats / math.log(2), rel=1e-5)
        assert found.bytes == len(text.encode())
    assert model.text_bits([""], silent) == [TextBits(bits=0.0, bytes=0)]


def test_a_long_text_is_scored_in_windows(model: HuggingFaceModel, plain: Any, tokenizer: Any) -> None:
    text = "The function returns a list of the items. " * 40
    ids = [plain.config.eos_token_id, *tokenizer(text)["input_ids"]]
    context, stride = 256, 192
    assert len(ids) > 2 * context
    expected, first, end = 0.0, 1, context + 1
    while first < len(ids):
        end = min(end, len(ids))
        begin = max(0, end - context - 1)
        expected += reference_nats(plain, ids[begin:end], first - begin)
        first, end = end, end + stride
    (found,) = model.text_bits([text], silent)
    assert found.bits == pytest.approx(-expected / math.log(2), rel=1e-5)


def test_likelihoods_are_those_of_the_model(model: HuggingFaceModel, plain: Any, tokenizer: Any) -> None:
    pairs = [("What is 2 + 3?\nAnswer:", " 5"), ("def add(a, b):\n    ", "return a"), ("", "hello"), ("x " * 100, "y")]
    found = model.loglikelihood(pairs, silent)
    for (context, continuation), answer in zip(pairs, found, strict=True):
        before = tokenizer(context.rstrip())["input_ids"] if context else [plain.config.eos_token_id]
        whole = tokenizer(context + continuation)["input_ids"]
        whole = whole if context else [*before, *whole]
        assert whole[: len(before)] == before
        assert answer.log_probability == pytest.approx(reference_nats(plain, whole, len(before)), rel=1e-5)
        assert answer.tokens == len(whole) - len(before)
        assert answer.bytes == len(continuation.encode())
        assert answer.lost == 0


def test_greedy_says_what_greedy_decoding_gives(model: HuggingFaceModel, tokenizer: Any) -> None:
    prompts = [f"{text} {number}" for text in TEXTS for number in range(5)]
    outputs = [output.text for output in generate(model, prompts, Generation(max_new_tokens=1))]
    # Only where the token made is the token that its text is encoded as, and it is visible.
    pairs = [
        (prompt, text)
        for prompt, text in zip(prompts, outputs, strict=True)
        if text.strip() and len(tokenizer(prompt + text)["input_ids"]) == len(tokenizer(prompt)["input_ids"]) + 1
    ]
    assert len(pairs) >= 5
    assert all(found.greedy for found in model.loglikelihood(pairs, silent) if found.tokens == 1)
    assert not any(found.greedy for found in model.loglikelihood([(prompt, " zzzz") for prompt in prompts], silent))


def test_a_context_that_does_not_fit_loses_its_start(model: HuggingFaceModel, plain: Any, tokenizer: Any) -> None:
    context = "list of the items " * 200
    (found,) = model.loglikelihood([(context.strip(), " file")], silent)
    ids = tokenizer(context.strip() + " file")["input_ids"]
    assert found.lost == len(ids) - 257
    assert found.log_probability == pytest.approx(reference_nats(plain, ids[-257:], 257 - found.tokens), rel=1e-5)
    (output,) = generate(model, [context], Generation(max_new_tokens=8))
    assert output.lost == len(tokenizer(context)["input_ids"]) - (256 - 8)


def test_an_empty_continuation_is_refused(model: HuggingFaceModel) -> None:
    with pytest.raises(ValueError, match="empty continuation"):
        model.loglikelihood([("a", "")], silent)


def test_generation_is_greedy_decoding(model: HuggingFaceModel, plain: Any, tokenizer: Any) -> None:
    """Batched, padded and cached here; one prompt at a time and recomputed there."""
    prompts = ["def add(a, b):\n", "The", "Question: What is 2 + 3?\nAnswer:", "a b c d e f g " * 5, ""]
    for prompt, found in zip(prompts, generate(model, prompts, Generation(max_new_tokens=20)), strict=True):
        ids = tokenizer(prompt)["input_ids"] or [plain.config.eos_token_id]
        start = len(ids)
        with torch.inference_mode():
            while len(ids) - start < 20 and (len(ids) == start or ids[-1] != plain.config.eos_token_id):
                ids.append(int(plain(torch.tensor([ids])).logits[0, -1].argmax()))
        ended = ids[-1] == plain.config.eos_token_id
        made = ids[start : len(ids) - ended]
        assert found.text == tokenizer.decode(made)
        assert (found.finish, found.tokens) == ("end" if ended else "length", len(ids) - start)


def test_a_model_that_forgets_is_continued_as_if_it_read_everything_again(tokenizer: Any) -> None:
    """Keys and values behind a sliding window cannot be cut back, so nothing is shared."""
    torch.manual_seed(0)
    config = transformers.MistralConfig(
        vocab_size=512,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        sliding_window=16,
    )
    network: Any = transformers.MistralForCausalLM(config).eval()
    assert memory_of(network) is None
    rows = [tokenizer(text)["input_ids"] for text in SHARING]
    prompts = [Prompt(ids, 0, 12) for ids in rows]
    decoder = Decoder(network, tokenizer.backend_tokenizer, (), keeps=True)
    found = decoder.run(prompts, [torch.Generator() for _ in prompts], Generation(max_new_tokens=12))
    for ids, output in zip(rows, found, strict=True):
        made = list(ids)
        with torch.inference_mode():
            while len(made) < len(ids) + 12:
                made.append(int(network(torch.tensor([made]), use_cache=False).logits[0, -1].argmax()))
        assert output.text == tokenizer.decode(made[len(ids) :])


def test_the_batch_does_not_change_an_answer(checkpoint: Checkpoint) -> None:
    prompts = [text * count for text in TEXTS for count in (1, 3, 7)]
    small, large = (
        load(checkpoint, HuggingFaceConfig(batch_rows=rows, batch_tokens=64 * rows, threads=threads))
        for rows, threads in ((1, 1), (8, 2))
    )
    settings = Generation(max_new_tokens=24)
    assert generate(small, prompts, settings) == generate(large, prompts, settings)
    first, second = (model.text_bits(prompts, silent) for model in (small, large))
    assert [entry.bits for entry in first] == pytest.approx([entry.bits for entry in second], rel=1e-6)


def test_prompts_with_a_common_start_are_continued_as_each_alone(model: HuggingFaceModel) -> None:
    settings = Generation(max_new_tokens=24)
    together = generate(model, SHARING, settings)
    assert together == [generate(model, [prompt], settings)[0] for prompt in SHARING]
    assert len({output.text for output in together}) == len(SHARING)


def test_scores_that_may_be_near_go_on_from_a_common_start(model: HuggingFaceModel) -> None:
    pairs = [(prompt, text) for prompt in SHARING for text in (" items", " 5 file", ".")]
    whole = model.loglikelihood(pairs, silent)
    near = model.loglikelihood(pairs, silent, near=range(3, len(pairs)))
    assert near[:3] == whole[:3], "what has to be exact is read whole"
    for got, wanted in zip(near, whole, strict=True):
        assert got.log_probability == pytest.approx(wanted.log_probability, rel=1e-5)
        assert (got.tokens, got.greedy) == (wanted.tokens, wanted.greedy)


def test_a_reader_reads_a_common_start_once(plain: Any) -> None:
    texts = [[*range(100), 7, 8, 9], [*range(100), 4, 5, 6, 7], [*range(50), 1, 2, 3], [*range(20), 5, 5, 5]]
    read: list[int] = []
    reader = Reader(plain, keeps=True)
    with plain.register_forward_pre_hook(lambda *found: read.append(found[2]["input_ids"].shape[1]), with_kwargs=True):
        found = [reader.logits(text, 2) for text in texts]
    assert read == [103, 4, 3, 23], "a start of fewer than 32 tokens is not worth keeping"
    with torch.inference_mode():
        for text, logits in zip(texts, found, strict=True):
            assert torch.allclose(logits, plain(torch.tensor([text])).logits[0, -2:], atol=1e-5)


def test_generation_ends_before_a_stop_string(model: HuggingFaceModel) -> None:
    (free,) = generate(model, ["def"], Generation(max_new_tokens=30))
    stop = free.text[5:7]
    at = free.text.index(stop)
    (cut,) = generate(model, ["def"], Generation(max_new_tokens=30, stop=(stop, "never this")))
    assert (cut.text, cut.finish) == (free.text[:at], "stop")
    assert cut.tokens < free.tokens


def test_samples_are_drawn_with_their_own_seed(model: HuggingFaceModel) -> None:
    settings = Generation(max_new_tokens=12, temperature=1.0)
    first = model.generate(["def"] * 4, [1, 2, 3, 1], settings, silent)
    assert first[0] == first[3]  # the same seed, the same sample, whatever its place in the batch
    assert len({output.text for output in first}) == 3
    (alone,) = model.generate(["def"], [2], settings, silent)
    assert alone == first[1]
    (sure,) = model.generate(["def"], [2], settings.model_copy(update={"top_p": 1e-9}), silent)
    (greedy,) = generate(model, ["def"], Generation(max_new_tokens=12))
    assert sure == greedy  # of almost no probability the likeliest token is left


def test_an_answer_longer_than_the_context_gets_what_the_prompt_leaves(
    model: HuggingFaceModel, tokenizer: Any, tmp_path: Path
) -> None:
    """lm-eval stops here. The prompt is kept; one that fills the context leaves a quarter of it to the answer."""
    short, long = "def add(a, b):\n", "list of the items " * 200
    room = 256 - len(tokenizer(short)["input_ids"])
    requests = [Request(str(at), prompt, Generation(max_new_tokens=256)) for at, prompt in enumerate((short, long))]
    with ResponseStore(tmp_path, CONTROL, model.backend) as kept:
        responses = respond(model, CONTROL, "suite", requests, kept)
        assert asked(requests, kept).truncated == 1
    (same,) = generate(model, [short], Generation(max_new_tokens=room))
    found = [tuple(row[name] for name in ("finish", "tokens", "lost")) for row in responses.to_pylist()]
    assert found == [("length", room, 0), ("length", 64, len(tokenizer(long)["input_ids"]) - 192)]
    assert responses["text"][0].as_py() == same.text
    assert (shortened(responses, 256), shortened(responses, 64)) == (2, 0)


# -- loading ----------------------------------------------------------------------------------------------------


def test_shards_load_as_one(folder: Path, model: HuggingFaceModel, tmp_path: Path) -> None:
    sharded = make_checkpoint(tmp_path / "sharded", shard_size="40KB")
    assert len(list(sharded.glob("*.safetensors"))) > 1
    assert load(admit(sharded)).text_bits(TEXTS, silent) == model.text_bits(TEXTS, silent)


def test_weights_that_do_not_fill_the_model_are_refused(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "partial")
    weights = load_file(copy / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(GristmillError, match=r"do not fit.*up_proj"):
        load(admit(copy))


def test_an_unknown_architecture_is_refused(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "unknown")
    settings = json.loads((copy / "config.json").read_text(encoding="utf-8"))
    (copy / "config.json").write_text(json.dumps({**settings, "model_type": "nonesuch"}), encoding="utf-8")
    with pytest.raises(GristmillError, match=r"transformers cannot build a model from it.*nonesuch"):
        load(admit(copy))


def test_begin_of_text_is_what_the_tokenizer_puts_there(folder: Path, tmp_path: Path) -> None:
    """A template in tokenizer.json that begins with a token shifts every probability; without one nothing is added."""
    copy = shutil.copytree(folder, tmp_path / "template")
    values = json.loads((copy / "tokenizer.json").read_text(encoding="utf-8"))
    end = values["added_tokens"][-1]
    piece = {"SpecialToken": {"id": end["content"], "type_id": 0}}
    values["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [piece, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {end["content"]: {"id": end["content"], "ids": [end["id"]], "tokens": [end["content"]]}},
    }
    values["truncation"] = {"max_length": 3, "strategy": "LongestFirst", "stride": 0, "direction": "Right"}
    (copy / "tokenizer.json").write_text(json.dumps(values), encoding="utf-8")
    framed, bare = load(admit(copy)), load(admit(folder))
    pair = ("The function returns a", " list")
    with_begin, without = framed.loglikelihood([pair], silent)[0], bare.loglikelihood([pair], silent)[0]
    assert with_begin.tokens == without.tokens
    assert with_begin.log_probability != without.log_probability
    assert framed.text_bits(TEXTS, silent) == bare.text_bits(TEXTS, silent)  # both begin a text with end-of-text


def test_the_name_of_a_special_token_in_a_text_is_text(model: HuggingFaceModel) -> None:
    (spelled,) = model.loglikelihood([("a", "<|endoftext|>")], silent)
    assert spelled.tokens > 1


# -- the whole --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", own_suites())
def test_a_real_model_is_scored_on_every_suite(
    name: str, model: HuggingFaceModel, checkpoint: Checkpoint, tmp_path: Path
) -> None:
    suite = load_suite(name)
    need_jail(suite)
    seen: list[tuple[str, int, int]] = []
    responses, samples, scores = evaluate(
        model, checkpoint.digest, suite, tmp_path, lambda what, done, total: seen.append((what, done, total))
    )
    assert responses.schema.equals(Responses.schema)
    assert samples.schema.equals(Samples.schema)
    assert scores.schema.equals(Scores.schema)
    assert samples.num_rows == len(suite.items) * len(suite.settings.conventions)
    for row in scores.to_pylist():
        graded = [sample for sample in samples.to_pylist() if sample["convention"] == row["convention"]]
        assert row["value"] == sum(sample["value"] for sample in graded) / sum(sample["weight"] for sample in graded)
        assert row["low"] <= row["value"] <= row["high"]
    assert set(samples["checkpoint"].to_pylist()) == {checkpoint.digest}
    assert "transformers" in model.backend
    assert seen[-1][1] == seen[-1][2] > 0


def test_scores_are_the_same_the_second_time(model: HuggingFaceModel, checkpoint: Checkpoint, tmp_path: Path) -> None:
    suite = load_suite("gristmill-reading")
    first, second = (
        evaluate(load(checkpoint), checkpoint.digest, suite, tmp_path / name) for name in ("first", "second")
    )
    assert all(left.equals(right) for left, right in zip(first, second, strict=True))
    texts = {"prose": [(f"p{at}", text) for at, text in enumerate(TEXTS)]}
    bits = [evaluate_perplexity(load(checkpoint), checkpoint, texts) for _ in range(2)]
    assert bits[0].samples.equals(bits[1].samples)


def test_a_better_model_needs_fewer_bits(folder: Path, tmp_path: Path, model: HuggingFaceModel, tokenizer: Any) -> None:
    """Fitting the tiny model to a text for a moment lowers its bits per byte and leaves the digest another one."""
    copy = shutil.copytree(folder, tmp_path / "trained")
    network = transformers.LlamaForCausalLM.from_pretrained(copy, dtype=torch.float32)
    ids = torch.tensor([tokenizer("def add(a, b):\n    return a + b\n" * 6)["input_ids"]])
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3)
    for _ in range(30):
        optimiser.zero_grad()
        network(input_ids=ids, labels=ids).loss.backward()
        optimiser.step()
    network.save_pretrained(copy)
    trained = admit(copy)
    texts = {"code": [("c1", "def add(a, b):\n    return a + b\n"), ("c2", "def sub(a, b):\n    return a - b\n")]}
    before = evaluate_perplexity(model, admit(folder), texts).scores["value"].to_pylist()
    after = evaluate_perplexity(load(trained), trained, texts).scores["value"].to_pylist()
    assert np.all(np.less(after, before))
    assert trained.digest != admit(folder).digest
