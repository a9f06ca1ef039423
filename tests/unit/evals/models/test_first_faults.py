"""What the first users' files, checkpoints and servers met. Nothing is imported that the mending brought, so each of
these tests can be seen to fail on version 0.1.0."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
import transformers

from gristmill.core.errors import GristmillError
from gristmill.evals.admission.checkpoint import admit
from gristmill.evals.generation.settings import Generation
from gristmill.evals.models.completions import ServerConfig
from gristmill.evals.models.huggingface import load
from gristmill.evals.models.model import silent
from gristmill.evals.models.openai_server import connect
from gristmill.evals.models.tokenizer import load_tokenizer
from gristmill.tasks.ingest.discovery import find_inputs
from gristmill.tasks.ingest.grouping import Grouping, group_files
from tests.helpers.ingested import ingested
from tests.helpers.serving import Quiet, serving
from tests.helpers.tiny_checkpoint import make_checkpoint


def lines(*rows: dict[str, object]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def records(folder: Path, **settings: object) -> list[dict[str, Any]]:
    """The records of a folder, as a curation reads it."""
    sources = group_files(find_inputs([str(folder)]).files, Grouping())
    return [row for source in sources for row in ingested(source, **settings)[0].to_pylist()]


def test_json_lines_are_read_whatever_their_first_bytes_are(tmp_path: Path) -> None:
    """A first line beyond 64 KiB, or a byte order mark before it, hid the whole file."""
    long: dict[str, object] = {"text": "grain " * 20_000}
    (tmp_path / "c4.json.gz").write_bytes(gzip.compress(lines(long, {"text": "b"}, {"text": "c"})))
    (tmp_path / "mark.json").write_bytes(b"\xef\xbb\xbf" + lines({"text": "d"}, {"text": "e"}))
    assert sorted(row["payload"][:1] for row in records(tmp_path)) == [b"b", b"c", b"d", b"e", b"g"]


def test_ids_that_start_again_in_each_file_lose_no_row(tmp_path: Path) -> None:
    for name in "ab":
        rows: list[dict[str, object]] = [{"id": number, "text": f"{name} {number}"} for number in range(10)]
        (tmp_path / f"{name}.jsonl").write_bytes(lines(*rows))
    assert len({row["doc_id"] for row in records(tmp_path)}) == 20


def test_dates_of_parquet_and_epochs_are_dates(tmp_path: Path) -> None:
    """They were null, or of the year 1612, so that of one address the older page stayed."""
    moment = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
    pq.write_table(pa.table({"text": ["a"], "at": [moment]}), tmp_path / "a.parquet")
    (tmp_path / "b.jsonl").write_bytes(lines({"text": "b", "at": int(moment.timestamp())}))
    assert [row["fetched_at"] for row in records(tmp_path, map={"date": "at"})] == [moment, moment]


def test_an_end_that_only_generation_config_states_ends_an_answer(tmp_path: Path) -> None:
    """Greedy answers are those of ``model.generate``."""
    folder, prompt = make_checkpoint(tmp_path / "tiny"), "The function returns"
    ids = torch.tensor([load_tokenizer(folder).encode(prompt, add_special_tokens=False).ids])
    model: Any = transformers.AutoModelForCausalLM.from_pretrained(folder).eval()
    (made,) = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=9).tolist()
    answer = made[ids.shape[1] :]
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": [answer[3]]}), encoding="utf-8")
    (output,) = load(admit(folder)).generate([prompt], [0], Generation(max_new_tokens=9), silent)
    assert (output.tokens, output.finish) == (answer.index(answer[3]) + 1, "end")


class Broken(Quiet):
    """A model server whose answers say that they are gzip and are not."""

    def do_GET(self) -> None:  # noqa: N802 - the name that http.server calls
        self.send_json(200, {"data": [{"id": "m", "object": "model"}]})

    def do_POST(self) -> None:  # noqa: N802 - the name that http.server calls
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_whole(200, b"this is no gzip", **{"Content-Type": "application/json", "Content-Encoding": "gzip"})


def test_a_broken_body_of_a_server_is_an_error_with_a_message(tmp_path: Path) -> None:
    checkpoint = admit(make_checkpoint(tmp_path / "tiny"))
    with (
        serving(Broken, "broken") as url,
        pytest.raises(GristmillError, match=r"gzip|body|decode"),
        connect(checkpoint, ServerConfig(url=f"{url}/v1", attempts=1, pause=0)) as model,
    ):
        model.generate(["a"], [0], Generation(max_new_tokens=2), silent)
