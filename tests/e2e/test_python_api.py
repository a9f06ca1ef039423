"""``import gristmill as gm``: what notebooks call gives what the command line gives, and every example runs."""

import ast
import gzip
import json
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

import gristmill as gm
from gristmill.core.errors import DamageError, UsageError
from gristmill.core.lake import Lake as StoredLake
from gristmill.schemas.tables import Documents, Verdicts
from gristmill.warehouse.build.publish import publish
from tests.e2e.conftest import Run
from tests.helpers.cli import gristmill
from tests.helpers.compared_lake import build_compared_lake
from tests.helpers.corpus import prose
from tests.helpers.small_lake import commit, doc_id

PROJECT = Path(__file__).resolve().parents[2]
EXAMPLES = PROJECT / "examples"
FENCE = re.compile(r"^```python\n(.*?)^```", re.M | re.S)


def python(*words: str, cwd: Path) -> str:
    """What a Python process writes, which must end well."""
    ended = subprocess.run([sys.executable, *words], cwd=cwd, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the page and the examples name: pages and articles, texts of which two are nearly one, answers, a lake."""
    folder = tmp_path_factory.mktemp("python")
    texts = {path.stem: path.read_text(encoding="utf-8") for path in sorted((PROJECT / "docs").glob("*.md"))[:12]}
    licence = (PROJECT / "LICENSE").read_text(encoding="utf-8")
    texts |= {"licence": licence, "edited": licence.replace("Licensor", "Owner", 3), "short": "Too short."}
    texts |= {f"story-{number}": "\n\n".join(prose(random.Random(number), 8)) for number in range(4)}
    (folder / "texts").mkdir()
    for name, text in texts.items():
        (folder / "texts" / f"{name}.md").write_text(text, encoding="utf-8")
    rows = [{"id": name, "text": text, "url": f"https://example.org/{name}"} for name, text in texts.items()]
    with gzip.open(folder / "pages.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    pl.DataFrame({"key": list(texts), "body": list(texts.values())}).write_csv(folder / "articles.csv")
    questions = (PROJECT / "evals" / "suites" / "gristmill-mathematics.jsonl").read_text(encoding="utf-8").splitlines()
    answers = [
        {"task_id": row["id"], "completion": f"The answer is {row['answer']}."} for row in map(json.loads, questions)
    ]
    (folder / "answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in answers), encoding="utf-8")
    lake = build_compared_lake(folder / "lake")
    curated = [
        {"doc_id": doc_id(name), "source": "news", "text": text, "tokens": len(text)} for name, text in texts.items()
    ]
    counts = {"records": len(texts), "kept": len(texts)}
    commit(lake, "curation", "news", {"curated": {"first": curated[:5], "second": curated[5:]}}, counts)
    publish(lake)
    return folder


@pytest.fixture(scope="module")
def documents(folder: Path) -> pa.Table:
    return gm.read(folder / "pages.jsonl.gz", source="pages")


def test_the_package_imports_nothing_heavy_and_lists_what_it_has(tmp_path: Path) -> None:
    program = """
import sys
import gristmill
heavy = {"pyarrow", "polars", "duckdb", "pydantic", "numpy", "numba", "prefect", "yaml", "gristmill.api"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
assert set(gristmill.__all__) <= set(dir(gristmill))
assert all(getattr(gristmill, name).__doc__ for name in gristmill.__all__)
assert not heavy - {"gristmill.api"} & set(sys.modules), "asking for a name alone must not load what it needs"
try:
    gristmill.nothing
except AttributeError as error:
    print(error)
"""
    assert python("-c", program, cwd=tmp_path) == "module 'gristmill' has no attribute 'nothing'\n"


def test_it_gives_what_a_curation_gives(folder: Path, documents: pa.Table, run: Run, tmp_path: Path) -> None:
    """The same documents, signals and verdicts, to the row; the pairs are those that were proved."""
    words = ("--source", "pages", "--policy", "demo", "--lake", str(tmp_path / "lake"))
    ended = run("curate", "--input", str(folder / "pages.jsonl.gz"), *words)
    assert ended.code == 0, ended.err
    stored = StoredLake(tmp_path / "lake")
    tables = stored.expect("curation", "pages").tables

    def table(name: str) -> pl.DataFrame:
        return pl.concat([pl.DataFrame(stored.read(ref)) for ref in tables[name]])

    signals = gm.score(documents, ["gopher", "fineweb", "language"])
    decided = pl.DataFrame(gm.decide(documents, signals, "demo"))

    assert pl.DataFrame(documents).equals(table(Documents.name))
    assert list(signals) == ["gopher_quality", "gopher_repetition", "fineweb", "language"]
    for name, rows in signals.items():
        assert pl.DataFrame(rows).equals(table(f"signals/{name}")), name
    assert decided.equals(table(Verdicts.name).filter(stage="decide"))
    assert {*decided.get_column("kept")} == {True, False}
    (source,) = gm.Lake(tmp_path / "lake").names()
    curated = gm.Lake(tmp_path / "lake").curated(source)
    assert curated.scan().collect().height == curated.counts["kept"] > 0


def test_signals_that_decide_lacks_are_computed(documents: pa.Table) -> None:
    policy = gm.policy("fineweb@code")
    whole = gm.score(documents, ["gopher", "fineweb", "language", "c4"])
    assert gm.decide(documents, {}, policy).equals(gm.decide(documents, whole, "fineweb@code"))


def test_given_signals_are_taken(documents: pa.Table) -> None:
    """A changed signal changes the verdicts, so nothing is computed again behind the back."""
    scored = gm.score(documents, ["gopher"])
    quality = pl.DataFrame(scored["gopher_quality"]).with_columns(words=pl.lit(1, pl.Int32)).to_arrow()
    decided = pl.DataFrame(gm.decide(documents, scored | {"gopher_quality": quality}, "gopher"))
    assert not decided.filter("kept").height
    assert pl.DataFrame(gm.decide(documents, scored, "gopher")).filter("kept").height


def test_near_duplicates_are_pairs_with_their_exact_similarity(documents: pa.Table) -> None:
    ids = dict(pl.DataFrame(documents).select("url", "doc_id").iter_rows())
    (pair,) = gm.near_duplicates(documents).to_pylist()
    assert {pair["doc_id"], pair["other"]} == {ids[f"https://example.org/{name}"] for name in ("licence", "edited")}
    assert 0.9 < pair["similarity"] < 1
    assert gm.near_duplicates(documents, threshold=0.999).num_rows == 0


def test_equal_texts_are_pairs_of_similarity_1(documents: pa.Table) -> None:
    other = documents.set_column(0, "doc_id", pa.array([doc_id(f"again {row}") for row in range(len(documents))]))
    pairs = pl.DataFrame(gm.near_duplicates(pa.concat_tables([documents, other.cast(documents.schema)])))
    assert pairs.filter(pl.col("similarity") == 1).height == documents.num_rows
    assert pairs.filter(pl.col("similarity") < 1).height == 1


def test_a_record_that_two_files_hold_is_one_document(folder: Path, documents: pa.Table, tmp_path: Path) -> None:
    shutil.copy(folder / "pages.jsonl.gz", tmp_path / "one.jsonl.gz")
    shutil.copy(folder / "pages.jsonl.gz", tmp_path / "two.jsonl.gz")
    with pytest.warns(UserWarning, match="19 repeated_record_id"):
        found = gm.read(tmp_path, source="pages")
    assert found.column("doc_id").equals(documents.column("doc_id"))


def test_what_gives_no_document_is_told(tmp_path: Path) -> None:
    lines = [{"text": "A sentence."}, {"text": ""}, {"text": "  "}]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    with pytest.warns(UserWarning, match=r"rows\.jsonl: some records gave no document: 2 empty_body"):
        assert gm.read(tmp_path / "rows.jsonl").num_rows == 1


def test_grades_as_the_command_line_does(folder: Path) -> None:
    graded = gm.grade("gristmill-mathematics", folder / "answers.jsonl")
    told = gristmill(
        "grade", "--suite", "gristmill-mathematics", "--responses", str(folder / "answers.jsonl"), "--json"
    ).json()
    assert graded.metrics == told["metrics"]
    assert graded.metrics.popitem()[1] == 1.0
    assert (graded.suite, graded.convention, graded.missing) == (told["suite"], told["convention"], ())
    assert json.loads(json.dumps(graded.scores.to_pylist())) == told["scores"]
    rows = [json.loads(line) for line in (folder / "answers.jsonl").read_text(encoding="utf-8").splitlines()]
    assert gm.grade("gristmill-mathematics", rows).metrics == told["metrics"]
    wrong = gm.grade("gristmill-mathematics", [rows[0] | {"completion": "The answer is 77."}], partial=True)
    assert (*wrong.metrics.values(),) == (0.0,)
    assert len(wrong.missing) == len(rows) - 1


def test_compares_as_the_command_line_does(folder: Path) -> None:
    told = gristmill("compare", "base", "tuned", "--lake", str(folder / "lake"), "--json").json()
    assert gm.compare("base", "tuned", lake=gm.Lake(folder / "lake")).model_dump(mode="json") == told
    assert gm.compare("base", "tuned", lake=folder / "lake").model_dump(mode="json") == told


def test_a_damaged_file_is_not_scanned(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "lake", tmp_path / "lake")
    lake = gm.Lake(tmp_path / "lake")
    path = lake.curated("news").paths[0]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamageError, match="damaged"):
        lake.curated("news")


def test_mistakes_are_told_with_their_hint(folder: Path, documents: pa.Table, tmp_path: Path) -> None:
    lake = gm.Lake(folder / "lake")
    with pytest.raises(UsageError, match="there is no lake here"):
        gm.Lake(tmp_path)
    with pytest.raises(UsageError, match=r"no curation of 'nwes' \(did you mean \"news\"\?\)"):
        lake.curated("nwes")
    with pytest.raises(UsageError, match="there is no 'nothing'"):
        gm.read(tmp_path / "nothing")
    with pytest.raises(UsageError, match="'body'"):
        gm.read(folder / "pages.jsonl.gz", columns={"text": "body"})
    with pytest.raises(UsageError, match="unknown key"):
        gm.read(folder / "pages.jsonl.gz", columns={"txt": "body"})
    with pytest.raises(UsageError, match=r"no signal set 'finweb' \(did you mean \"fineweb\"\?\)"):
        gm.score(documents, ["finweb"])
    with pytest.raises(UsageError, match=r"as a list: \['fineweb'\]"):
        gm.score(documents, "fineweb")
    with pytest.raises(UsageError, match="classifier=PATH"):
        gm.score(documents, ["classifier"])
    with pytest.raises(UsageError, match="there is no policy 'finweb'"):
        gm.policy("finweb")
    with pytest.raises(UsageError, match="lack the columns text:"):
        gm.near_duplicates(documents.drop_columns(["text"]))
    with pytest.raises(UsageError, match="same doc_id"):
        gm.score(pa.concat_tables([documents, documents]), ["gopher"])
    with pytest.raises(UsageError, match="near_duplicates: threshold"):
        gm.near_duplicates(documents, threshold=1.5)
    with pytest.raises(UsageError, match="no item 'x'"):
        gm.grade("gristmill-mathematics", [{"task_id": "x", "completion": "3"}])
    with pytest.raises(UsageError, match="no evaluated checkpoint"):
        gm.compare("base", "tunde", lake=lake)


def test_the_page_runs_from_top_to_bottom(folder: Path) -> None:
    page = (PROJECT / "docs" / "python.md").read_text(encoding="utf-8")
    out = python("-W", "ignore::UserWarning", "-c", "\n".join(FENCE.findall(page)), cwd=folder)
    assert "kept" in out
    assert "has no curation of 'nwes' (did you mean \"news\"?)" in out
    assert "tuned is better by 26.1 points" in out


def test_the_page_names_every_function_and_example() -> None:
    page = (PROJECT / "docs" / "python.md").read_text(encoding="utf-8")
    called = {name for name in gm.__all__ if f"gm.{name}(" in page}
    assert called == {*gm.__all__} - {"CuratedSource", "Graded"}
    for path in EXAMPLES.iterdir():
        assert f"(../examples/{path.name})" in page, path.name


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("score_a_file.py", "pages.jsonl.gz", "gopher"), r"keeps \d+ of 19 documents of pages\.jsonl\.gz\n  \w+: \d+"),
        (
            ("duplicates_in_a_folder.py", "texts"),
            r"1 pairs among 19 documents of texts\n  0\.9\d\d  \S+\.md\S*  \S+\.md",
        ),
        (
            ("grade_and_compare.py", "gristmill-mathematics", "answers.jsonl", "lake", "base", "tuned"),
            r"1\.000 \(.*(?s:.*)reading: tuned is better by 26\.1 points",
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_examples(folder: Path, words: tuple[str, ...], told: str) -> None:
    out = python(str(EXAMPLES / words[0]), *words[1:], cwd=folder)
    assert re.search(told, out), out


def test_every_example_is_tested() -> None:
    scripts = {path.name for path in EXAMPLES.glob("*.py")}
    assert scripts == {"score_a_file.py", "duplicates_in_a_folder.py", "grade_and_compare.py"}


def test_the_notebook_runs_from_top_to_bottom() -> None:
    """Its cells in order in one process, the last expression of each shown, as a notebook does."""
    notebook = json.loads((EXAMPLES / "gristmill.ipynb").read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)
    program = "\n".join(shown("".join(cell["source"])) for cell in cells)
    out = python("-W", "ignore::UserWarning", "-c", program, cwd=EXAMPLES)
    assert "'gopher_quality': 8" in out
    assert "wrong" in out


def shown(cell: str) -> str:
    """The cell, with its last expression printed."""
    *_, last = ast.parse(cell).body
    if not isinstance(last, ast.Expr):
        return cell
    lines = cell.splitlines()
    before, value = lines[: last.lineno - 1], "\n".join(lines[last.lineno - 1 :])
    return "\n".join([*before, f"print({value})"])
