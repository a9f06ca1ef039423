"""Language: the model as a file, its digest in the key, and clear errors without it."""

import threading
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest

from schemas.digests import digest_file
from schemas.errors import UsageError
from schemas.signals import SignalsLanguage
from tasks import language as module
from tasks.fasttext_model import loading
from tasks.language import LanguageConfig, language, language_config
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
