"""Language: the model as a file, its digest in the key, and clear errors without it."""

import gzip
import json
import threading
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import fasttext
import polars as pl
import pyarrow as pa
import pytest
from py3langid.langid import LanguageIdentifier

from gristmill.core.digests import digest_file
from gristmill.core.errors import UsageError
from gristmill.schemas.tables import SignalsLanguage
from gristmill.tasks.fasttext import loading
from gristmill.tasks.fasttext.py3langid import detect, langid_file, read_langid
from gristmill.tasks.signals import language as module
from gristmill.tasks.signals.language import LanguageConfig, language, language_config
from gristmill.tasks.text.language_codes import common_code
from gristmill.tasks.text.paragraphs import paragraphs
from tests.helpers.plain_signals import documents_of

ENGLISH = "The quick brown fox jumps over the lazy dog, and then it sleeps for the rest of the day."
FRENCH = "Le renard brun saute par-dessus le chien paresseux,\npuis il dort tout le reste de la journée."
CHINESE = "今天天气很好，我们一起去公园散步，然后回家吃饭。"


def rows(*texts: str, config: LanguageConfig | None = None) -> list[dict[str, Any]]:
    table = language.function(documents_of(texts), config or language_config())
    assert table.schema.equals(SignalsLanguage.schema)
    return table.to_pylist()


def test_languages_and_runners_up() -> None:
    found = rows(ENGLISH, FRENCH, CHINESE)
    assert [row["language"] for row in found] == ["en", "fr", "zh"]
    for row in found:
        assert row["language_second"] != row["language"]
        assert 0 < row["language_second_score"] < row["language_score"] <= 1
    assert found[0]["language_score"] > 0.8


def test_line_feeds_are_spaces() -> None:
    [broken, whole] = rows(FRENCH, FRENCH.replace("\n", " "))
    assert broken["language_score"] == whole["language_score"]


@pytest.mark.parametrize("text", ["", "\n\n", "12 + 34 = 46", "😀 … ---", "\0"])
def test_without_letters_there_is_no_language(text: str) -> None:
    [row] = rows(text)
    assert (row["language"], row["language_score"], row["language_second"]) == ("und", 0.0, "und")


def test_no_documents() -> None:
    assert rows() == []


def test_the_path_is_no_part_of_the_key_and_the_digest_is(tmp_path: Path) -> None:
    installed = language_config()
    copy = tmp_path / installed.model
    copy.write_bytes(module.located(None).read_bytes())
    elsewhere = language_config(copy)
    assert elsewhere.model_dump(mode="json") == installed.model_dump(mode="json")
    assert (elsewhere.model, elsewhere.digest) == ("lid.176.ftz", digest_file(copy))
    assert "path" not in elsewhere.model_dump(mode="json")
    assert rows(ENGLISH, config=elsewhere) == rows(ENGLISH, config=installed)


def test_another_model_than_the_config_says_is_refused() -> None:
    with pytest.raises(UsageError, match="another digest than the config says"):
        rows(ENGLISH, config=LanguageConfig(model="lid.176.ftz", digest="0" * 32))


def test_a_missing_file_and_a_file_that_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no such language model"):
        language_config(tmp_path / "lid.bin")
    broken = tmp_path / "broken.bin"
    broken.write_bytes(b"not a model at all")
    with pytest.raises(UsageError, match="not a fastText model"):
        rows(ENGLISH, config=language_config(broken))


def test_a_package_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(module, "distribution", absent)
    with pytest.raises(UsageError, match="pip install --no-deps"):
        language_config()


def test_two_threads_load_the_model_once(monkeypatch: pytest.MonkeyPatch) -> None:
    loads: list[str] = []
    load = loading.read_model
    monkeypatch.setattr(loading, "read_model", lambda path: loads.append(path) or load(path))
    loading._read.cache_clear()
    answers: list[list[dict[str, Any]]] = []
    threads = [threading.Thread(target=lambda: answers.append(rows(ENGLISH, CHINESE))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loads) == 1
    assert len(answers) == 4
    assert all(answer == answers[0] for answer in answers)


def test_nothing_is_said_on_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    loading._read.cache_clear()
    rows(ENGLISH)
    assert capfd.readouterr().err == ""


# -- paragraphs -----------------------------------------------------------------------------------------------------


def test_each_paragraph_is_judged_by_itself() -> None:
    french = FRENCH.replace("\n", " ")
    [row] = rows(f"{ENGLISH}\n{french}\n\n{ENGLISH} {ENGLISH}\nshort line\n")
    assert (row["language"], row["paragraphs"], row["paragraph_languages"]) == ("en", 3, 2)
    assert row["other_paragraph_language"] == "fr"
    letters = [sum(map(str.isalpha, text)) for text in (ENGLISH, french)]
    assert row["main_paragraph_ratio"] == pytest.approx(3 * letters[0] / (3 * letters[0] + letters[1]))


def test_a_text_of_short_lines_has_no_judged_paragraph() -> None:
    [row] = rows("one two\nthree four\nfive six")
    assert (row["paragraphs"], row["main_paragraph_ratio"], row["paragraph_languages"]) == (0, 1.0, 0)
    assert row["other_paragraph_language"] == "und"


def test_a_language_needs_its_share_of_the_letters_to_count() -> None:
    text = "\n".join([ENGLISH] * 19 + [CHINESE * 2])
    [row] = rows(text)
    assert (row["paragraphs"], row["paragraph_languages"], row["other_paragraph_language"]) == (20, 1, "zh")
    config = language_config().model_copy(update={"paragraph_share": 0.01, "paragraph_letters": 30})
    [row] = rows(text, config=config)
    assert row["paragraph_languages"] == 2


def test_letters_of_every_script_count() -> None:
    """A letter of four bytes (Gothic), of three (Han), of two (Cyrillic) and of one count the same."""
    found = paragraphs(pa.array(["a 1\n\nмир 水水!\n", "", "𐌰𐌱-𐌲"]))
    assert found.letters.tolist() == [1, 0, 5, 0, 0, 3]
    assert found.texts.tolist() == [0, 0, 0, 0, 1, 2]
    assert found.text_letters.tolist() == [6, 0, 3]


# -- models by path, and the second detector -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def glotlid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model whose labels look like GlotLID's."""
    folder = tmp_path_factory.mktemp("glotlid")
    texts = {"eng_Latn": ENGLISH, "fra_Latn": FRENCH.replace("\n", " "), "cmn_Hani": CHINESE}
    lines = [f"__label__{label} {text[start:]}" for label, text in texts.items() for start in range(20)]
    (folder / "texts").write_text("\n".join(lines), encoding="utf-8")
    model = fasttext.train_supervised(
        str(folder / "texts"), dim=8, epoch=40, lr=0.8, minn=2, maxn=4, bucket=2000, thread=1, verbose=0
    )
    model.save_model(str(folder / "glotlid.bin"))
    return folder / "glotlid.bin"


def test_any_fasttext_model_by_path(glotlid: Path) -> None:
    found = rows(ENGLISH, FRENCH, CHINESE, "12", config=language_config(glotlid))
    assert [row["language"] for row in found] == ["eng_Latn", "fra_Latn", "cmn_Hani", "und"]
    assert [row["best_language"] for row in found] == ["en", "fr", "zh", "und"]
    assert all(row["py3langid"] is row["py3langid_score"] is row["agreed"] is None for row in found)


def test_both_detectors_agree_or_not_in_one_code(glotlid: Path) -> None:
    german = "Der schnelle braune Fuchs springt über den faulen Hund und schläft dann den ganzen Tag."
    config = language_config(glotlid, "both")
    found = rows(ENGLISH, FRENCH, CHINESE, german, "12", config=config)
    assert [row["py3langid"] for row in found] == ["en", "fr", "zh", "de", "und"]
    assert [row["agreed"] for row in found] == [True, True, True, False, True]
    for row in found:
        surer = row["py3langid"] if row["py3langid_score"] > row["language_score"] else common_code(row["language"])
        assert row["best_language"] == surer


def test_the_second_detector_adds_columns_and_changes_none() -> None:
    texts = (ENGLISH, FRENCH, CHINESE, "", "zwei Wörter")
    alone, both = rows(*texts), rows(*texts, config=language_config(detector="both"))
    added = {"py3langid", "py3langid_score", "agreed", "best_language"}
    for one, two in zip(alone, both, strict=True):
        assert {key: one[key] for key in one if key not in added} == {key: two[key] for key in two if key not in added}


def test_the_second_model_is_part_of_the_key() -> None:
    config = language_config(detector="both")
    assert config.second_digest == digest_file(langid_file())
    with pytest.raises(UsageError, match="another digest"):
        rows(ENGLISH, config=config.model_copy(update={"second_digest": "0" * 32}))


def test_the_second_detector_answers_as_its_package(shared: Path) -> None:
    """The same label for every text, the same probability but for the order of a sum in 32-bit floats."""
    with gzip.open(shared / "corpora" / "langid" / "udhr_paragraphs.jsonl.gz", "rt", encoding="utf-8") as file:
        texts = [json.loads(line)["text"] for line in file][::40]
    texts += ["ALL IN CAPITALS, EVERY WORD", "ΜΗΧΑΝΗ", "e\u0301te\u0301 a\u0300 la ferme", "水", "Ⅷ"]
    theirs = LanguageIdentifier.from_model_file("data/model.npz.xz", norm_probs=True)
    model = read_langid(langid_file())
    labels, scores = detect(model, pl.Series(texts))
    for text, label, score in zip(texts, labels.tolist(), scores.tolist(), strict=True):
        expected, probability = theirs.classify(text)
        if label >= 0:
            assert model.labels[label] == expected, text
            assert score == pytest.approx(probability, abs=1e-3)
        else:
            assert probability < 0.02  # no n-gram that the model knows: the package names its first label


def test_codes_of_the_declaration_of_human_rights(shared: Path) -> None:
    """Its texts carry ISO 639-3 and BCP 47, whose two-letter codes are those of ISO 639-1."""
    with gzip.open(shared / "corpora" / "langid" / "udhr_paragraphs.jsonl.gz", "rt", encoding="utf-8") as file:
        pairs = {(row["lang"], row["bcp47"].partition("-")[0], row["script"]) for row in map(json.loads, file)}
    two = [(code, short, script) for code, short, script in pairs if len(short) == 2]
    assert len(two) > 100
    wrong = {
        code: (common_code(f"{code}_{script}"), short)
        for code, short, script in two
        if code != "twi"  # ISO 639-1 has tw for Twi and ak for Akan, which includes it
        and common_code(f"{code}_{script}") != short.replace("nb", "no")
    }
    assert wrong == {}


@pytest.mark.parametrize(
    ("label", "code"),
    [
        ("zh", "zh"),
        ("cmn_Hani", "zh"),
        ("als", "gsw"),
        ("als_Latn", "sq"),
        ("nb", "no"),
        ("yue_Hani", "yue"),
        ("xyz", "xyz"),
        ("und", "und"),
    ],
)
def test_one_code_for_a_language(label: str, code: str) -> None:
    assert common_code(label) == code


def test_accuracy_on_labelled_sentences(shared: Path) -> None:
    """The figures of docs/language.md on every tenth sentence of 75 languages; they move by less than .015 with it."""
    with gzip.open(shared / "corpora" / "langid" / "lingua_testdata_75langs.jsonl.gz", "rt", encoding="utf-8") as file:
        sentences = [row for row in map(json.loads, file) if row["unit"] == "sentences"][::10]
    expected = [common_code(row["lang"]) for row in sentences]
    found = rows(*(row["text"] for row in sentences), config=language_config(detector="both"))

    def share(pairs: list[tuple[str, str]]) -> float:
        return sum(a == b for a, b in pairs) / len(pairs)

    answers = {name: [common_code(row[name]) for row in found] for name in ("language", "py3langid", "best_language")}
    accuracy = {name: share(list(zip(answer, expected, strict=True))) for name, answer in answers.items()}
    assert accuracy == pytest.approx({"language": 0.797, "py3langid": 0.922, "best_language": 0.921}, abs=0.015)
    agreed = [(a, b) for a, b, row in zip(answers["language"], expected, found, strict=True) if row["agreed"]]
    assert len(agreed) / len(found) == pytest.approx(0.804, abs=0.02)
    assert share(agreed) == pytest.approx(0.978, abs=0.01)
