"""Training on a corpus that nobody signed: refused with what to do; --unsigned allows it unless a policy forbids it."""

from pathlib import Path

import pytest

from gristmill.core.errors import UsageError
from gristmill.core.lake import Lake
from gristmill.flows.checks import check_signature
from gristmill.flows.review.signing import check_signed, refuse_unsigned
from gristmill.flows.settings import PipelineSettings
from gristmill.schemas.reviews.records import Signature
from gristmill.warehouse.reviews.corpus import corpus_digest, corpus_files
from gristmill.warehouse.reviews.store import Reviews, now
from tests.helpers.review_lake import build_review_lake
from tests.helpers.small_lake import doc_id


def sign(lake: Lake) -> None:
    dataset = lake.expect("curation", "web")
    told = {"source": "web", "dataset": dataset.key, "person": "ann", "at": now()}
    row = {"corpus": corpus_digest(dataset), "files": corpus_files(dataset)}
    Reviews(lake.root).sign(Signature.parse(told | row, "signature"))


def pipeline(unsigned: bool) -> PipelineSettings:
    return PipelineSettings.parse({"curate": {"source": "web", "inputs": ["x"]}, "train": {"unsigned": unsigned}}, "f")


def test_a_pipeline_needs_a_signature_or_says_that_it_does_not(tmp_path: Path) -> None:
    lake = build_review_lake(tmp_path / "lake").lake
    check_signature(pipeline(unsigned=True), lake)
    with pytest.raises(UsageError, match=r"nobody signed off .* \(web\).*gristmill review sign-off web.*--unsigned"):
        check_signature(pipeline(unsigned=False), lake)
    sign(lake)
    check_signature(pipeline(unsigned=False), lake)


def test_a_mix_of_unknown_tokens_is_unsigned(tmp_path: Path) -> None:
    lake = build_review_lake(tmp_path / "lake").lake
    mix = lake.expect("curation", "web").model_copy(update={"kind": "mix", "tables": {}})
    assert check_signed(mix, lake, unsigned=False) == []  # it was made from nothing
    ref = {"name": "tokens", "shard": "s", "key": doc_id("k")[:16], "bytes": 1, "digest": doc_id("d")}
    of_unknown = mix.model_validate(mix.model_dump() | {"files": {"tokens": [ref]}})
    with pytest.raises(UsageError, match="a corpus that is no longer current"):
        check_signed(of_unknown, lake, unsigned=False)
    assert check_signed(of_unknown, lake, unsigned=True) == ["a corpus that is no longer current"]


def test_a_policy_that_requires_a_signature_is_not_overruled(tmp_path: Path) -> None:
    lake = build_review_lake(tmp_path / "lake").lake
    strict = {"policy": {"safety": {"sign_off": "required"}}}
    lake.commit(lake.expect("curation", "web").model_copy(update={"config": strict}))
    with pytest.raises(UsageError, match=r"the policy of it asks for a signature"):
        refuse_unsigned(["web"], lake, unsigned=True)
