"""Texts traced to the documents that hold them, over a lake whose tokens are in several blocks and shards."""

from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from gristmill.core.errors import GristmillError, UsageError
from gristmill.flows.reporter import Reporter
from gristmill.flows.train.lineage import corpus_of, mix_read, named_checkpoint, named_mix, suffixes_of
from gristmill.tasks.lineage.passages import Corpus, find_passages
from gristmill.tasks.lineage.suffixes import SuffixConfig, open_suffixes, suffix_array, write_suffixes
from gristmill.tasks.lineage.trained import all_trained
from tests.helpers.trained_lake import HELDOUT, TrainedLake, make_trained_lake


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> TrainedLake:
    return make_trained_lake(tmp_path_factory.mktemp("traced") / "lake")


@pytest.fixture(scope="module")
def corpus(made: TrainedLake) -> Corpus:
    with Reporter() as report:
        return corpus_of(named_mix("", made.lake), all_trained(made.lake)[-1], made.lake, report)


def trained_on(made: TrainedLake) -> list[str]:
    """Documents that are not held out, by doc_id."""
    held = {
        identity.tobytes().hex()
        for (_, split), parts in made.store.parts.items()
        for part in parts
        for identity in part.doc_ids
        if split == "heldout"
    }
    assert len(held) < 3 * HELDOUT * len(made.documents)
    return sorted(set(made.documents) - held)


def test_a_sentence_is_traced_to_its_page(made: TrainedLake, corpus: Corpus) -> None:
    for doc_id in trained_on(made)[:5]:
        document = made.documents[doc_id]
        sentence = document["text"][document["text"].index(" page ") :]
        (first, *rest) = find_passages(f"Nobody wrote this,{sentence}, or did they?", corpus, 8, 3, made.lake)
        assert sentence.strip() in first.text
        assert (first.occurrences, first.documents) == (1, 1)
        (holder,) = first.holders
        assert {name: getattr(holder, name) for name in ("doc_id", "source", "url", "record_uri", "domain")} == {
            name: document[name] for name in ("doc_id", "source", "url", "record_uri", "domain")
        }
        assert all(passage.tokens <= first.tokens for passage in rest)


def test_times_read_are_those_of_the_plan(made: TrainedLake, corpus: Corpus) -> None:
    """The mean over all documents: a whole text is read as often as its tokens."""
    assert corpus.trained is not None
    plan = made.plans[corpus.trained.mixture]
    rows = plan.rows(corpus.trained.first_row, corpus.trained.end_row)
    for doc_id in trained_on(made)[:8]:
        document = made.documents[doc_id]
        (passage, *_) = find_passages(document["text"], corpus, 8, 9, made.lake)
        (holder,) = passage.holders
        number = [domain.name for domain in plan.domains].index(document["domain"])
        times = np.bincount(rows.position[rows.domain == number], minlength=plan.domains[number].rows)
        assert holder.times_read is not None
        assert times.min() <= holder.times_read <= times.max()


def test_what_many_documents_share_is_counted_and_named_up_to_the_limit(made: TrainedLake, corpus: Corpus) -> None:
    holding = [doc_id for doc_id in trained_on(made) if " of s1 ends here with 0." in made.documents[doc_id]["text"]]
    (passage,) = find_passages(" of s1 ends here with 0.", corpus, 5, 4, made.lake)
    assert (passage.text, passage.occurrences, passage.documents) == (
        " of s1 ends here with 0.",
        len(holding),
        len(holding),
    )
    assert len(passage.holders) == 4
    assert {holder.source for holder in passage.holders} == {"source-s1"}
    read = [holder.times_read or 0.0 for holder in passage.holders]
    assert read == sorted(read, reverse=True)


def test_what_stands_nowhere_gives_no_span(made: TrainedLake, corpus: Corpus) -> None:
    assert find_passages("水車と灯台", corpus, 12, 3, made.lake) == []
    assert find_passages("", corpus, 1, 3, made.lake) == []


def test_held_out_text_is_not_searched(made: TrainedLake, corpus: Corpus) -> None:
    held = sorted(set(made.documents) - set(trained_on(made)))
    text = made.documents[held[0]]["text"]
    sentence = text[text.index("page ") :]
    assert all(sentence not in passage.text for passage in find_passages(sentence, corpus, 4, 3, made.lake))


def test_suffix_arrays_are_cached(made: TrainedLake, corpus: Corpus, capsys: pytest.CaptureFixture[str]) -> None:
    with Reporter(Console(stderr=True)) as report:
        found = suffixes_of(corpus.mix.files["tokens"], made.lake, report)
        assert capsys.readouterr().err == ""
        path = made.lake.files_path(found[0]) / "suffixes.json"
        path.unlink()
        assert suffixes_of(corpus.mix.files["tokens"], made.lake, report) == found
    assert "sort tokens" in capsys.readouterr().err
    assert path.is_file()


def test_small_blocks_hold_the_same_places(made: TrainedLake, tmp_path: Path) -> None:
    mix = named_mix("default", made.lake)
    folder = made.lake.files_path(mix.files["tokens"][0])
    write_suffixes.function([folder], SuffixConfig(block_tokens=100), tmp_path)
    for domain, blocks in open_suffixes(tmp_path).items():
        (part,) = (part for part in made.store.parts[domain, "train"] if part.path.parent == folder)
        assert len(blocks) > 3
        for low, order in blocks:
            assert low == 0 or low in part.ends
            assert np.array_equal(order, suffix_array(part.tokens[low : low + len(order)], made.store.vocab_size))
    with pytest.raises(GristmillError, match=r"holds no suffixes\.json"):
        open_suffixes(folder)


def test_checkpoints_are_named_by_label_digest_and_folder(made: TrainedLake) -> None:
    first, *_, last = all_trained(made.lake)
    assert named_checkpoint(first.label, made.lake) == first
    assert named_checkpoint(last.digest[:8], made.lake) == last
    folder = made.lake.root / last.path
    folder.mkdir(parents=True)
    assert named_checkpoint(str(folder), made.lake) == last
    assert mix_read(last, "", made.lake).key == last.mix_key
    with pytest.raises(UsageError, match="no checkpoint of this lake is called 'code 13'"):
        named_checkpoint("code 13", made.lake)
    with pytest.raises(UsageError, match="no mix of 'other'"):
        named_mix("other", made.lake)
