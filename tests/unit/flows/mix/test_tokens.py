"""``gristmill tokens``: the report on a tokenizer, exports from a lake, and how a mix gets its tokenizer."""

import json
import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from typer.testing import CliRunner

from gristmill.core.errors import UsageError
from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset
from gristmill.core.steps.inputs import Inputs
from gristmill.core.table import conform
from gristmill.flows.cli.app import app
from gristmill.flows.mix.settings import MixtureSettings
from gristmill.flows.mix.steps import MixtureConfig, MixtureContext, mixture_step
from gristmill.flows.mix.tokens import open_store
from gristmill.flows.reporter import Meter
from gristmill.schemas.tables import Curated, Mixtures, MixtureTrace
from gristmill.tasks.launch.local import LocalLauncher
from gristmill.tasks.mix.mixers.mixer import Goal
from gristmill.tasks.mix.plan import Plan
from gristmill.tasks.mix.tokenizer_files import find_tokenizer, take_tokenizer
from gristmill.tasks.mix.tokens import TokensConfig, write_tokens
from gristmill.tasks.train.batches import batch
from tests.helpers.small_curated import document

WORDS = ["grain", "flour", "mill", "wheel"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with the mix ``default``: two domains and languages, a tokenizer by path, and two mixtures."""
    base = tmp_path_factory.mktemp("tokens")
    tokenizer = Tokenizer(WordLevel({"?": 0, "</s>": 1} | {word: 2 + n for n, word in enumerate(WORDS)}, "?"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(base / "words.json"))
    lake = Lake.open(base / "lake")
    generator = random.Random(0)
    rows = [
        document(f"{number}", domain, " ".join(generator.choices(WORDS, k=9))) | {"language": language}
        for number, (domain, language) in enumerate([("code", "en"), ("prose", "en"), ("prose", "de")] * 60)
    ]
    table = conform(Curated, pa.Table.from_pylist(rows, schema=Curated.schema))
    refs = [lake.write_table(Curated, f"shard-{name}", "key", table.slice(*part)) for name, part in PARTS.items()]
    config, context = find_tokenizer(base / "words.json")
    (taken,) = take_tokenizer(context).run(lake, "default", Inputs(), config).manifest.files
    tokens = [
        write_tokens.run(lake, ref.shard, Inputs(refs=(ref,), files=(taken,)), TokensConfig(heldout_share=0.05))
        for ref in refs
    ]
    folders = tuple(result.manifest.files[0] for result in tokens)
    step = mixture_step(MixtureContext(LocalLauncher(lake.root / "log"), 1, Meter()))
    found = []
    for method in ("proportional", "uniform"):
        mixture = MixtureSettings.parse({"name": method, "method": method}, "test")
        of_mixture = MixtureConfig(mixture=mixture, row_tokens=16, seed=0, goal=Goal(target_tokens=2000))
        found.append(step.run(lake, method, Inputs(files=folders), of_mixture).manifest)
    tables = {one.name: tuple(made.output(one) for made in found) for one in (Mixtures, MixtureTrace)}
    files = {"tokenizer": (taken,), "tokens": folders, "plan": tuple(ref for made in found for ref in made.files)}
    lake.commit(Dataset(kind="mix", name="default", config={}, counts={}, tables=tables, files=files))
    return lake.root


PARTS = {"a": (0, 90), "b": (90, 90)}


def gristmill(*words: object) -> str:
    """Run a command in this process; what it printed. Errors are raised."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_report_has_vocabulary_and_fertility_by_language_and_domain(home: Path) -> None:
    found = json.loads(gristmill("tokens", "report", "--lake", home, "--json"))
    assert (found["vocab_size"], found["eos_id"], found["dtype"]) == (6, 1, "uint16")
    languages = {row["name"]: row for row in found["languages"]}
    assert {name: row["documents"] for name, row in languages.items()} == {"de": 60, "en": 120}
    assert {row["name"]: row["tokens"] for row in found["domains"]} == {"code": 540, "prose": 1080}
    assert languages["de"]["tokens_per_word"] == 1
    assert found["all"]["bytes_per_token"] == pytest.approx(found["all"]["bytes"] / 1620)
    shown = gristmill("tokens", "report", "--lake", home)
    assert "6 entries" in shown
    assert "tokens a word" in shown


def test_an_export_from_the_lake_opens_as_it_says(home: Path, tmp_path: Path) -> None:
    words = ("tokens", "export", "--unsigned", "--lake", home, "--mixture", "uniform", "--mode", "stream")
    done = json.loads(gristmill(*words, "--format", "datatrove", "--out", tmp_path / "ds", "--json"))
    lake = Lake.open(home)
    dataset = lake.expect("mix", "default")
    (ref,) = (ref for ref in dataset.files["plan"] if ref.shard == "uniform")
    plan, store = Plan.load(lake.files_path(ref) / "plan.json"), open_store(dataset, lake)
    rows = np.fromfile(tmp_path / "ds" / "train.ds", "<u2").reshape(-1, 16)
    assert rows.tolist() == batch(plan, store, 0, len(plan)).tolist()
    assert (done["rows"], done["plan"]) == (len(plan), plan.digest)
    assert json.loads((tmp_path / "ds" / "export.json").read_bytes()) == {
        key: value for key, value in done.items() if key not in ("out", "unsigned")
    }
    assert json.loads((tmp_path / "ds" / "UNSIGNED.json").read_bytes())["sources"] == done["unsigned"] != []
    with pytest.raises(UsageError, match=r"nobody signed off .* or give --unsigned"):
        gristmill(*(word for word in words if word != "--unsigned"), "--format", "olmo", "--out", tmp_path / "o")
    assert (tmp_path / "ds" / "tokenizer" / "tokenizer.json").is_file()
    shown = gristmill(*words, "--format", "megatron", "--out", tmp_path / "mt").replace("\n", " ")
    assert f"--data-path {tmp_path}/mt/train" in shown
    assert "does not keep the order of the plan" in shown


def test_paths_in_weight_files_begin_as_asked(home: Path, tmp_path: Path) -> None:
    words = ("tokens", "export", "--unsigned", "--lake", home, "--mixture", "uniform", "--format", "megatron")
    gristmill(*words, "--out", tmp_path / "a", "--path-prefix", "/data/corpus/")
    gristmill(*words, "--out", tmp_path / "b")
    assert " /data/corpus/code/00000 " in (tmp_path / "a" / "data_args.txt").read_text(encoding="utf-8")
    assert f" {tmp_path}/b/code/00000 " in (tmp_path / "b" / "data_args.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--format", "olmo"), "has several mixtures. Name one with --mixture: proportional, uniform"),
        (("--format", "olmo", "--mixture", "doremi"), "no mixture called 'doremi'"),
        (("--format", "olmo", "--mix", "none"), "the lake has no mix called 'none'"),
        (("--format", "nanogpt", "--mixture", "uniform"), "Give --mode stream"),
    ],
)
def test_what_cannot_be_exported_is_a_usage_error(
    words: tuple[str, ...], said: str, home: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=said):
        gristmill("tokens", "export", "--unsigned", "--lake", home, "--out", tmp_path / "out", *words)
    assert list(tmp_path.iterdir()) == []
