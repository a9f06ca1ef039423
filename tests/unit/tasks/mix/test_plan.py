"""The plan of a run: what it promises of counts, epochs, stages and files."""

import json
from pathlib import Path

import numpy as np
import pytest

from gristmill.core.errors import GristmillError
from gristmill.tasks.mix.domains import Domain
from gristmill.tasks.mix.mixers.mixer import Goal, Mixture, Order, Stage, cap, one_stage
from gristmill.tasks.mix.orders.sorting import sort_stages
from gristmill.tasks.mix.plan import Plan
from gristmill.tasks.mix.planning import make_plan
from gristmill.tasks.mix.token_store import Part, TokenStore
from gristmill.tasks.train.batches import batch

ROW = 17
DOMAINS = (
    Domain("code", 40 * ROW, 3000, "f-code"),
    Domain("mathematics", 9 * ROW, 700, "f-mathematics"),
    Domain("prose", 100 * ROW, 7000, "f-prose"),
)
SHARES = {"code": 0.5, "mathematics": 0.125, "prose": 0.375}


def plan_of(mixture: Mixture, domains: tuple[Domain, ...] = DOMAINS, seed: int = 1, max_epochs: float = 4.0) -> Plan:
    return make_plan(mixture, domains, row_tokens=ROW, block=32, seed=seed, max_epochs=max_epochs)


def static(rows: int, shares: dict[str, float] = SHARES) -> Mixture:
    return one_stage(shares, "static", "inputs", Goal(rows * ROW), {})


def store_of(domains: tuple[Domain, ...]) -> TokenStore:
    """A store in memory whose tokens name their place: domain number * 10000 + position."""
    parts = {}
    for number, domain in enumerate(domains):
        tokens = (np.arange(domain.tokens) + number * 10_000).astype(np.uint32)
        ends = np.arange(10, domain.tokens + 10, 10, dtype=np.uint64)
        ends[-1] = domain.tokens
        identities = np.array(
            [bytes([number]) * 8 + place.to_bytes(8, "big") for place in range(len(ends))], dtype="V16"
        )
        parts[domain.name, "train"] = (Part(Path(), tokens, ends, identities, domain.bytes, domain.fingerprint),)
    return TokenStore("tokenizer", 0, 70_000, np.dtype("<u4"), parts)


def domains_of(store: TokenStore) -> tuple[Domain, ...]:
    return store.domains(ROW)


def test_a_row_alone_and_in_a_run_are_the_same() -> None:
    plan = plan_of(static(300))
    run = plan.rows(0, 300)
    for row in range(300):
        name, epoch, position = plan.row(row)
        assert plan.domains[run.domain[row]].name == name
        assert (run.epoch[row], run.position[row]) == (epoch, position)
    for start, stop in [(0, 0), (5, 70), (31, 33), (299, 300)]:
        part = plan.rows(start, stop)
        assert np.array_equal(part.position, run.position[start:stop])
    with pytest.raises(IndexError, match="plan of 300 rows"):
        plan.rows(299, 301)


def test_realised_counts_are_those_of_the_rows() -> None:
    plan = plan_of(static(257))
    counts = np.bincount(plan.rows(0, 257).domain, minlength=3)
    realised = plan.realised()
    assert [realised[domain.name].rows for domain in DOMAINS] == counts.tolist()
    assert realised["mathematics"].epochs == pytest.approx(counts[1] / 9)
    assert plan.tokens == 257 * ROW


def test_stages_change_the_shares_without_losing_or_repeating_rows() -> None:
    first, second = {"code": 1.0, "mathematics": 0.0, "prose": 0.0}, {"code": 0.5, "mathematics": 0.0, "prose": 0.5}
    stages = (Stage(30 * ROW, first, first), Stage(90 * ROW, second, second))
    plan = plan_of(Mixture(stages, "static", "inputs"))
    run = plan.rows(0, 90)
    assert set(run.domain[:30].tolist()) == {0}
    code, epoch = run.position[run.domain == 0], run.epoch[run.domain == 0]
    assert len(code) == 60
    assert sorted(code[epoch == 0].tolist()) == list(range(40))  # the first epoch spans the change of stage
    assert len(set(code[epoch == 1].tolist())) == 20
    assert plan.realised()["code"].stage_rows == (30, 30)


def test_epochs_have_different_orders_and_seeds_too() -> None:
    plan = plan_of(static(160, {"code": 1.0, "mathematics": 0.0, "prose": 0.0}))
    positions = plan.rows(0, 160).position.reshape(4, 40)
    assert len({tuple(np.argsort(row)) for row in positions}) == 4
    other = plan_of(static(160), seed=2)
    assert not np.array_equal(other.rows(0, 160).position, plan_of(static(160)).rows(0, 160).position)


def test_adding_a_domain_leaves_the_order_inside_the_others() -> None:
    more = (*DOMAINS, Domain("web", 50 * ROW, 10, "f-web"))
    small = plan_of(static(80, {"code": 0.5, "mathematics": 0.0, "prose": 0.5}))
    large = plan_of(static(120, {"code": 1 / 3, "mathematics": 0.0, "prose": 1 / 3, "web": 1 / 3}), more)
    assert small.domains == large.domains[:3]
    for number in (0, 2):
        one, two = small.rows(0, len(small)), large.rows(0, len(large))
        assert set(one.position[one.domain == number]) & set(two.position[two.domain == number])
        assert sorted(one.position[one.domain == number].tolist()) == sorted(
            two.position[two.domain == number].tolist()
        )


def test_a_plan_above_the_cap_is_refused_and_capping_hints_it() -> None:
    mixture = static(100, {"code": 0.0, "mathematics": 0.9, "prose": 0.1})
    with pytest.raises(GristmillError, match=r"90: 10.*epochs, above"):
        plan_of(mixture)
    capped = cap(mixture, DOMAINS, Goal(100 * ROW))
    assert plan_of(capped).realised()["mathematics"].epochs <= 4 + 2 / 9


def test_a_plan_file_is_read_back_and_a_changed_one_refused(tmp_path: Path) -> None:
    plan = plan_of(static(200))
    path = tmp_path / "plan.json"
    plan.write(path)
    assert Plan.load(path) == plan
    assert Plan.load(path).check() == plan.check()
    path.write_bytes(path.read_bytes().replace(b'"seed":1', b'"seed":2'))
    with pytest.raises(GristmillError, match="was changed"):
        Plan.load(path)
    with pytest.raises(GristmillError, match="no such file"):
        Plan.load(tmp_path / "absent.json")


def sorted_plan() -> Plan:
    """30 shuffled rows, 60 with the largest row number of each domain first, 30 shuffled ones."""
    stages = (
        Stage(30 * ROW, SHARES, SHARES),
        Stage(90 * ROW, SHARES, SHARES, Order("number", descending=True)),
        Stage(120 * ROW, SHARES, SHARES),
    )
    sizes = {domain.name: domain.tokens // ROW for domain in DOMAINS}
    return sort_stages(plan_of(Mixture(stages, "static", "inputs")), lambda name, _: np.arange(sizes[name]) * 1.0)


def test_a_sorted_stage_is_read_back_from_its_file(tmp_path: Path) -> None:
    plan = sorted_plan()
    code = plan.rows(30, 90)
    assert np.array_equal(np.flatnonzero(np.diff(code.position[code.domain == 0]) > 0), [24])  # where epoch 1 begins
    path = tmp_path / "plan.json"
    plan.write(path)
    again = Plan.load(path)
    assert again == plan
    assert np.array_equal(again.rows(0, 120).position, plan.rows(0, 120).position)
    assert "order" not in json.loads(path.read_bytes())["plan"]["stages"][0]
    order = tmp_path / "plan.order"
    data = order.read_bytes()
    assert len(data) == 8 * 60
    order.write_bytes(data[4:8] + data[:4] + data[8:])
    with pytest.raises(GristmillError, match=r"plan\.order is not the order of .*plan\.json"):
        Plan.load(path)
    order.write_bytes(data[:-1])
    with pytest.raises(GristmillError, match="should have 480 bytes"):
        Plan.load(path)


def test_a_sorted_plan_without_its_order_is_refused() -> None:
    plan = Plan.model_validate_json(sorted_plan().model_dump_json())
    assert len(plan.rows(0, 30).domain) == 30  # the shuffled stage before it needs none
    with pytest.raises(GristmillError, match="Load it from its file"):
        plan.rows(0, 31)
    with pytest.raises(GristmillError, match="values for 3 rows of the domain 'code', which has 40"):
        sort_stages(plan, lambda name, signal: np.zeros(3))


def test_the_order_is_the_same_on_every_machine() -> None:
    plan = plan_of(static(200))
    assert plan.rows(0, 8).domain.tolist() == [2, 0, 0, 0, 2, 0, 0, 0]
    assert plan.rows(0, 8).position.tolist() == [79, 21, 16, 8, 71, 4, 32, 1]
    assert plan.check() == "b4f1fd5f942deb88f3660e54b46c5ebb"


def test_batches_hold_the_tokens_of_their_rows() -> None:
    store = store_of(DOMAINS)
    domains = domains_of(store)
    plan = make_plan(static(120), domains, row_tokens=ROW, block=32, seed=1, max_epochs=4)
    plan.require(store)
    tokens = batch(plan, store, 50, 70)
    assert tokens.shape == (20, ROW)
    assert tokens.dtype == np.int64
    for row, line in zip(range(50, 70), tokens, strict=True):
        name, _, position = plan.row(row)
        number = [domain.name for domain in DOMAINS].index(name)
        assert line.tolist() == list(range(number * 10_000 + position * ROW, number * 10_000 + (position + 1) * ROW))


def test_other_tokens_than_the_plan_was_made_for_are_refused() -> None:
    with pytest.raises(GristmillError, match="not those the plan was made for"):
        plan_of(static(50)).require(store_of(DOMAINS))  # its fingerprints are digests of digests


def test_any_number_of_ranks_reads_the_same_global_stream() -> None:
    store = store_of(DOMAINS)
    plan = make_plan(static(128), domains_of(store), row_tokens=ROW, block=32, seed=1, max_epochs=4)
    whole = batch(plan, store, 0, 128)
    stream, row = [], 0
    for ranks, batches in [(1, 2), (4, 3), (2, 3)]:  # global batch of 16 rows, the job resumed with other sizes
        each = 16 // ranks
        for _ in range(batches):
            stream += [batch(plan, store, row + rank * each, row + (rank + 1) * each) for rank in range(ranks)]
            row += 16
    assert np.array_equal(np.concatenate(stream), whole)
