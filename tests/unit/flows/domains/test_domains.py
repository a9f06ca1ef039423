"""Domains of a lake: verbs that train, cluster and show; models by name; and steps of mixing that follow the rules."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gristmill.core.errors import GristmillError, UsageError
from gristmill.core.lake import Lake
from gristmill.core.manifest import Ref
from gristmill.core.steps.inputs import Inputs
from gristmill.flows.cli.app import app
from gristmill.flows.domains.resolve import resolve
from gristmill.flows.mix.domain_checks import check_names, check_sizes
from gristmill.flows.mix.inputs import domain_work, token_work, tokenizer_work
from gristmill.flows.mix.methods import mixer_of
from gristmill.flows.mix.settings import MixSettings
from gristmill.schemas.tables import Domains
from gristmill.tasks.domains.assign import assign_domains
from gristmill.tasks.domains.rules import DomainRules
from gristmill.tasks.mix.heldout import HeldoutConfig, heldout_texts, write_heldout
from gristmill.tasks.mix.token_store import TokenStore
from gristmill.tasks.mix.tokens import write_tokens
from tests.helpers.topic_corpus import topic_lake

Run = Callable[..., Any]
RULES = """\
rules:
  - {domain: boats, host: site1.example.org, path: /sailing/**}
  - {each: topic, at_least: 0.5, language: en}
  - {domain: kitchen, cluster: [0, 1, 2]}
  - {domain: never, host: nowhere.test}
topics: t
clusters: c
"""


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return topic_lake(tmp_path_factory.mktemp("domains") / "lake")


@pytest.fixture(scope="module")
def run(lake: Lake) -> Run:
    """``run("show", ...)``: a verb of domains on the lake; its JSON, or its error."""

    def words(verb: str, *more: str) -> Any:
        result = CliRunner().invoke(app, ["domains", verb, *more, "--lake", str(lake.root), "--json"])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            return str(result.exception)
        return json.loads(result.stdout) if result.exit_code == 0 else result.output

    return words


@pytest.fixture(scope="module")
def rules(lake: Lake, run: Run) -> Path:
    """A file of rules, with the models that it names."""
    small = ("--dim", "8", "--buckets", "2000")
    card = run("train", "source0", "source1", "source2", "--label", "source", "--name", "t", *small)
    assert card["accuracy"]["value"] == 1
    assert Path(card["path"]).is_relative_to(lake.root)
    found = run("cluster", "--k", "3", "--name", "c")
    assert [each["texts"] for each in found["clusters"]] == [40, 40, 40]
    path = lake.root.parent / "rules.yaml"
    path.write_text(RULES, encoding="utf-8")
    return path


def test_show_counts_by_domain_and_rule_and_says_which_rule_took_nothing(run: Run, rules: Path) -> None:
    told = run("show", str(rules), "--against", "source", "--examples", "1")
    assert {each["domain"]: each["documents"] for each in told["domains"]} == {
        "boats": 40,
        "kitchen": 40,
        "source0": 40,
    }
    by_name = {each["domain"]: each for each in told["domains"]}
    assert by_name["boats"]["rules"][0]["rule"] == "1: host=site1.example.org path=/sailing/**"
    assert by_name["boats"]["bytes"] > by_name["boats"]["words"] > 0
    assert by_name["boats"]["examples"][0]["url"].startswith("https://site1.example.org/sailing/")
    assert by_name["source0"]["examples"][0]["score"] > 0.5
    assert told["unused"] == ["rule 4 (host=nowhere.test) took no document for the domain never"]
    pairs = {(row["domain"], row["other"]): row["documents"] for row in told["overlap"]}
    assert pairs == {("boats", "source1"): 40, ("kitchen", "source2"): 40, ("source0", "source0"): 40}
    assert told["agreement"] == pytest.approx(1)


def test_show_without_rules_has_the_domains_of_the_curation(run: Run) -> None:
    told = run("show", "--against", "language")
    assert [(each["domain"], each["documents"], each["rules"][0]["rule"]) for each in told["domains"]] == [
        ("prose", 120, "curation")
    ]
    assert told["agreement"] == 0
    assert run("show", "--source", "source1")["documents"] == 40


def test_people_see_tables(lake: Lake, run: Run, rules: Path) -> None:
    words = ["domains", "show", str(rules), "--against", "curation", "--lake", str(lake.root)]
    printed = CliRunner().invoke(app, words).stdout
    assert "Domains of 120 documents" in printed
    assert "Careful: rule 4 (host=nowhere.test) took no document for the domain never." in printed
    again = ["domains", "cluster", "--k", "3", "--name", "c", "--lake", str(lake.root)]
    assert "Nearest to the centre" in CliRunner().invoke(app, again).stdout
    trained = ["domains", "train", "source0", "source1", "--label", "source", "--dim", "8", "--buckets", "2000"]
    assert "Taken for (across)" in CliRunner().invoke(app, [*trained, "--lake", str(lake.root)]).stdout


def test_an_assignment_is_cached_by_rules_models_and_text(lake: Lake, rules: Path) -> None:
    settings = MixSettings.parse({"domains": str(rules), "mixtures": ["uniform"]}, "test")
    curated = _curated(lake)
    for each in domain_work(settings, curated, lake):
        assign_domains.run(lake, each.shard, each.inputs, each.config)
    for each in domain_work(settings, curated, lake):
        assert assign_domains.run(lake, each.shard, each.inputs, each.config).cached
    other = settings.model_copy(update={"domains": settings.domains.model_copy(update={"rest": "x"})})  # type: ignore[union-attr]
    (first, *_) = domain_work(other, curated, lake)
    assert lake.manifest("domains", first.shard, assign_domains.key(first.config, first.inputs)) is None


def test_tokens_and_held_out_text_follow_the_rules(lake: Lake, rules: Path) -> None:
    plain = MixSettings.parse({"mixtures": ["uniform"], "vocabulary": 300, "heldout_share": 0.2}, "test")
    ruled = MixSettings.parse(plain.model_dump() | {"domains": str(rules)}, "test")
    curated = _curated(lake)
    stores = [_store(each, curated, lake) for each in (plain, ruled)]
    assert [domain.name for domain in stores[0].domains(64)] == ["prose"]
    assert [domain.name for domain in stores[1].domains(64)] == ["boats", "kitchen", "source0"]
    # The documents of the domain, by their doc_ids: lineage reads these.
    boats = set(stores[1].documents("boats", 0, stores[1].tokens("boats")))
    own = {row["doc_id"] for row in _rows(lake, curated) if row["source"] == "source1"}
    assert boats == own - set(stores[1].documents("boats", 0, stores[1].tokens("boats", "heldout"), "heldout"))
    assigned = _assigned(ruled, curated, lake)
    config = HeldoutConfig()
    made = write_heldout.run(lake, "m", Inputs(refs=(*curated, *assigned)), config).manifest.facts["domains"]
    assert set(made) <= {"boats", "kitchen", "source0"}
    assert set(heldout_texts([lake.path(ref) for ref in curated], config)) == {"prose"}


def test_without_rules_keys_and_settings_are_what_they_were(lake: Lake) -> None:
    settings = MixSettings.parse({"mixtures": ["uniform"]}, "test")
    assert "domains" not in settings.lasting()
    curated = _curated(lake)
    step, work = tokenizer_work(settings, "m", Inputs(refs=curated))
    assert {entry.table for entry in work.inputs.entries()} == {"curated"}
    assert (step.version, write_tokens.version, write_heldout.version) == (2, 2, 1)


# -- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("show", "sauce"),
            'sauce: this is not a file of rules, not a mix of the lake, .*\\(did you mean "source"\\?\\)',
        ),
        (("show", "--source", "sauce0"), "the lake has no curated source sauce0"),
        (("cluster", "--k", "500"), "--k 500: of 120 documents 120 have words that count"),
        (("cluster", "--k", "1"), "domains cluster: k: Input should be greater than or equal to 2"),
        (
            ("cluster", "--k", "3", "--model", "gone"),
            "--model .*gone: there is no such folder. Give the folder of a model2vec",
        ),
        (("cluster", "--k", "3", "--name", "a b"), "--name 'a b': use letters, digits"),
        (("train", "source0", "--label", "source"), "there is only the label 'source0'"),
        (("train", "source0", "--label", "topic"), "curated sources can be told apart by source, domain"),
        (("train", "sauce0", "--label", "source"), "sauce0"),
    ],
)
def test_what_cannot_be_done_is_refused(words: tuple[str, ...], message: str, run: Run) -> None:
    told = run(*words)
    assert re.search(message, told), told


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        (
            {"rules": [{"domain": "a", "topic": "x"}], "topics": "gone"},
            r"topics: 'gone' is no path, and the lake has no topics of that name \(it has .*t.*\). Make them: "
            "gristmill domains train FILE --label COLUMN --name gone",
        ),
        (
            {"rules": [{"domain": "a", "topic": "sauce1"}], "topics": "t"},
            "rule 1: t has no topic 'sauce1' .*\"source1\"",
        ),
        ({"rules": [{"domain": "a", "cluster": 7}], "clusters": "c"}, "rule 1: c has no cluster '7'"),
    ],
)
def test_rules_that_do_not_fit_their_models_are_refused(
    rules: dict[str, Any], message: str, lake: Lake, rules_file: Path
) -> None:
    with pytest.raises(UsageError, match=message):
        resolve(DomainRules.parse(rules, "rules"), lake)


@pytest.fixture
def rules_file(rules: Path) -> Path:
    return rules


NAMED: list[tuple[dict[str, Any], str]] = [
    (
        {"minimums": {"coed": 0.1}},
        r"minimums: there is no domain 'coed' \(did you mean \"code\"\?\); the text has code, prose",
    ),
    ({"caps": [{"domain": "web", "epochs": 2, "reason": "x"}]}, "caps: there is no domain 'web'"),
    ({"prior": {"web": 1.0}}, "prior: there is no domain 'web'"),
    (
        {"mixtures": [{"name": "m", "method": "static", "weights": {"web": 1.0}}]},
        "mixture m, weights: there is no domain",
    ),
    (
        {"mixtures": [{"name": "m", "method": "mixmin", "options": {"target": "web"}}]},
        "mixture m, options.target: there is",
    ),
    (
        {"mixtures": [{"name": "m", "method": "swarm", "options": {"fit": {"metrics": {"web": 1}}}}]},
        "mixture m, options.fit.metrics: there is no domain 'web'",
    ),
    ({"minimums": {"code": 0.6, "prose": 0.6}}, "minimums sum to 1.2"),
    (
        {"curriculum": {"preset": "annealing", "boost": {"web": 4}}},
        "mixture uniform, its curriculum: there is no domain 'web'",
    ),
]


@pytest.mark.parametrize(("given", "message"), NAMED)
def test_domains_that_are_not_there_are_refused_before_anything_runs(given: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check_names(_settings(given), ["code", "prose"], "the text")


def test_a_mix_is_refused_before_a_server_starts_where_the_rules_tell(lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text("rules: [{domain: boats, host: a.org}]", encoding="utf-8")
    words = ["mix", "--method", "uniform", "--domains", str(tmp_path / "rules.yaml"), "--lake", str(lake.root)]
    result = CliRunner().invoke(app, [*words, "--set", "minimums={boat: 0.1}"])
    assert isinstance(result.exception, UsageError)
    assert str(result.exception) == (
        "minimums: there is no domain 'boat' (did you mean \"boats\"?); the list of rules has boats, rest. See them "
        "with: gristmill domains show"
    )
    result = CliRunner().invoke(app, [*words[:3], *words[5:], "--set", "minimums={code: 0.1}"])
    assert str(result.exception).startswith(
        "minimums: there is no domain 'code' (possible: prose); the curated text has"
    )
    planned = CliRunner().invoke(app, [*words, "--dry-run", "--json"])
    assert json.loads(planned.stdout)["cached"] == 0, planned.output


SIZED: list[tuple[dict[str, Any], str]] = [
    (
        {"minimums": {"tiny": 0.01}},
        "minimums: the domain 'tiny' holds 30 training tokens, less than a row of 64, so it has no part in the mixture",
    ),
    (
        {"minimums": {"code": 0.5}},
        "minimums: code is to have 0.5 of 10,000 tokens, 5,000; its 960 tokens give 3,840 at 4 epochs. Lower the "
        "minimum to 0.384, raise its cap, or add data",
    ),
    (
        {"mixtures": ["uniform", STATIC := {"name": "m", "method": "static", "weights": {"code": 1.0}}]},
        r"m: no weight for",
    ),
    ({"mixtures": [STATIC | {"weights": {"code": 0.5, "prose": 0.4}}]}, "m: weights must sum to 1; these sum to 0.9"),
    ({"mixtures": [STATIC | {"weights": {"code": 1.0, "prose": 0.0}}]}, "m: 10000 tokens cannot be had"),
    ({"prior": {"code": 0.5, "prose": 0.6}}, "prior: weights must sum to 1"),
    (
        {"mixtures": ["doremi"], "curriculum": {"stages": [{"weights": {"code": 0.5, "prose": 0.6}}]}},
        "doremi: weights must sum to 1",
    ),
    ({"target_tokens": 1_000_000}, "1000000 tokens cannot be had from"),
    (
        {"mixtures": [{"name": "m", "method": "mixmin", "options": {"target": "code"}}]},
        "mixture m, options.target: the domain 'code' has no held-out text among its 20 documents",
    ),
    (
        {"mixtures": ["uniform", {"name": "m", "method": "swarm", "options": {"budget": {"row_tokens": 999}}}]},
        r"m: the domains \['code'\] hold rows of 64 tokens for the run but no row of 999",
    ),
    (
        {
            "mixtures": [{"name": "m", "method": "swarm", "options": {"budget": {"row_tokens": 17}}}],
            "curriculum": {"preset": "annealing", "last": 0.001, "boost": {"code": 2}},
        },
        r"m: stage 1 would have 0 rows of 64 tokens, and a stage has 1 to 2\*\*31: move its end",
    ),
]


@pytest.mark.parametrize(("given", "message"), SIZED)
def test_domains_that_are_too_small_are_refused_before_any_trial(
    given: dict[str, Any], message: str, tmp_path: Path
) -> None:
    from tests.helpers.small_tokens import write_folder

    folder = write_folder(
        tmp_path / "tokens",
        {
            ("code", "train"): [[1] * 48] * 20,
            ("prose", "train"): [[1] * 99] * 100,
            ("prose", "heldout"): [[1] * 9],
            ("tiny", "train"): [[1] * 29],
        },
    )
    store, settings = TokenStore.open([folder]), _settings({"row_tokens": 64, "target_tokens": 10_000, **given})
    with pytest.raises(GristmillError, match=message):
        check_sizes(settings, store, lambda mixture: mixer_of(mixture, 0, tmp_path))
    check_sizes(
        _settings({"row_tokens": 64, "target_tokens": 10_000}), store, lambda mixture: mixer_of(mixture, 0, tmp_path)
    )


def _settings(given: dict[str, Any]) -> MixSettings:
    return MixSettings.parse({"mixtures": ["uniform"], **given}, "test")


def _curated(lake: Lake) -> tuple[Ref, ...]:
    return tuple(ref for dataset in lake.datasets("curation") for ref in dataset.tables["curated"])


def _rows(lake: Lake, curated: tuple[Ref, ...]) -> list[dict[str, Any]]:
    return [row for ref in curated for row in lake.read(ref, ["doc_id", "source"]).to_pylist()]


def _assigned(settings: MixSettings, curated: tuple[Ref, ...], lake: Lake) -> tuple[Ref, ...]:
    return tuple(
        assign_domains.run(lake, each.shard, each.inputs, each.config).manifest.output(Domains)
        for each in domain_work(settings, curated, lake)
    )


def _store(settings: MixSettings, curated: tuple[Ref, ...], lake: Lake) -> TokenStore:
    """The tokens of a mix, as its flow makes them."""
    assigned = _assigned(settings, curated, lake)
    step, work = tokenizer_work(settings, "m", Inputs(refs=(*curated, *assigned)))
    (tokenizer,) = step.run(lake, work.shard, work.inputs, work.config).manifest.files
    made = [
        write_tokens.run(lake, each.shard, each.inputs, each.config).manifest.files[0]
        for each in token_work(settings, curated, assigned, tokenizer)
    ]
    return TokenStore.open([lake.files_path(ref) for ref in made])
