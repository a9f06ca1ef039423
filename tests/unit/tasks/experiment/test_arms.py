"""Arms as choices of documents and factors on domains: parts, shares, and the plans that they give."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.core.errors import UsageError
from gristmill.core.table import conform
from gristmill.schemas.tables import Curated
from gristmill.tasks.experiment.arms import Arm, DataPart, Selection, common_shares, parts_of, shares_of
from gristmill.tasks.experiment.members import Choice, MembersConfig, arm_members
from gristmill.tasks.experiment.planning import ArmPlanConfig, plan_arm, replacement
from gristmill.tasks.mix.domains import Domain
from tests.helpers.small_curated import document

CODE = Arm(leave_out=(Selection(domain="code"),))
PARTS = [
    DataPart("code=1", "code", 1, 100),
    DataPart("prose=1", "prose", 1, 50),
    DataPart("prose=3", "prose", 3, 250),
    DataPart("new=2", "new", 2, 40),
]
"""Bit 0 is the control, bit 1 an arm without code, with less prose, and with documents that the control lacks."""


def test_a_document_is_in_the_part_of_the_arms_that_hold_it(tmp_path: Path) -> None:
    rows = [
        document("a", "code", "x") | {"host": "www.example.org"},
        document("b", "code", "x") | {"host": "other.org"},
        document("c", "prose", "x") | {"host": None, "language": "zh"},
    ]
    table = conform(Curated, pa.Table.from_pylist(rows, schema=Curated.schema))
    pq.write_table(table, tmp_path / "curated.parquet")
    choices = (
        Choice(),
        Choice(leave_out=(Selection(host="example.org"),)),
        Choice(only=(Selection(domain="code"), Selection(language="zh")), leave_out=(Selection(host="other.org"),)),
    )
    found = arm_members.function([tmp_path / "curated.parquet"], MembersConfig(choices=choices), tmp_path)
    by_host = dict(zip(table["host"].to_pylist(), found["domain"].to_pylist(), strict=True))
    assert found["doc_id"].to_pylist() == table["doc_id"].to_pylist()
    assert by_host == {"www.example.org": "code=5", "other.org": "code=3", None: "prose=7"}


def test_a_domain_keeps_its_share_when_some_of_it_goes_and_leaves_it_when_all_goes() -> None:
    control = shares_of(0, "control", Arm(), PARTS, None)
    assert control.tolist() == pytest.approx([100 / 400, 50 / 400, 250 / 400, 0])
    # Code is gone and prose is what the control had of it, read from fewer documents; new is not in the control.
    assert shares_of(1, "arm", Arm(), PARTS, None).tolist() == pytest.approx([0, 0, 1, 0])
    given = {"code": 0.4, "prose": 0.4, "new": 0.2}
    assert shares_of(1, "arm", Arm(), PARTS, given).tolist() == pytest.approx([0, 0, 2 / 3, 1 / 3])
    halved = shares_of(0, "half", Arm(weigh={"code": 0.5}), PARTS, None)
    assert halved.tolist() == pytest.approx([50 / 350, 50 / 350, 250 / 350, 0])
    assert common_shares(PARTS, None).sum() == pytest.approx(1)
    assert (common_shares(PARTS, {"code": 0.5, "prose": 0.5}) > 0).all(), "what only an arm holds has places too"


def test_wrong_arms_are_refused() -> None:
    with pytest.raises(UsageError, match="no domain 'cod' to weigh"):
        shares_of(0, "half", Arm(weigh={"cod": 0.5}), PARTS, None)
    with pytest.raises(UsageError, match="arm none reads nothing"):
        shares_of(0, "none", Arm(weigh={"code": 0, "prose": 0}), PARTS, None)
    with pytest.raises(UsageError, match="300 parts"):
        parts_of([Domain(f"d{number}=1", 10, 10, "") for number in range(300)])
    with pytest.raises(ValueError, match="needs a condition"):
        Selection()
    with pytest.raises(ValueError, match="is not a host"):
        Selection(host="https://example.org/")
    with pytest.raises(ValueError, match="a factor from 0 up"):
        Arm(weigh={"code": -1})


def plan_of(name: str, bit: int, arm: Arm, seed: int, **settings: float) -> list[list[int]]:
    told = {"row_tokens": 10, "target_tokens": 4000, "max_epochs": 50.0} | settings
    domains = [Domain(part.name, part.tokens * 10, 1, part.name) for part in PARTS]
    config = ArmPlanConfig.parse({"name": name, "bit": bit, "arm": arm, "seed": seed} | told, name)
    plan = plan_arm(config, domains)
    rows = plan.rows(0, len(plan))
    return np.stack([rows.domain, rows.epoch, rows.position], axis=1).tolist()


def test_two_runs_of_a_seed_read_the_same_row_in_a_place_wherever_both_hold_it() -> None:
    control, arm = plan_of("control", 0, Arm(), 3), plan_of("arm", 1, Arm(), 3)
    assert len(control) == len(arm) == 400, "equal tokens"
    same = sum(one == two for one, two in zip(control, arm, strict=True))
    assert same == round(400 * 250 / 440), "every row of the part that both hold is at its place; the rest fills gaps"
    assert {row[0] for row in control} == {0, 1, 2}
    assert {row[0] for row in arm} == {2}
    other = plan_of("control", 0, Arm(), 4)
    assert sum(one == two for one, two in zip(control, other, strict=True)) < 100, "another seed, another order"
    assert plan_of("again", 0, Arm(), 3) == control


def test_an_arm_that_repeats_too_much_is_refused() -> None:
    with pytest.raises(UsageError, match=r"would read the domain prose 1\.6 times, and max_epochs is 1"):
        plan_of("arm", 1, Arm(), 0, max_epochs=1.0)


def test_the_same_shares_need_no_replacement() -> None:
    shares = np.array([0.25, 0.75])
    assert replacement(shares, shares) is None
    found = replacement(shares, np.array([0.5, 0.5]))
    assert found is not None
    assert found.removed[0] == 0
    assert found.removed[1] / 2**31 == pytest.approx(1 / 3)
    assert found.fills == (2**31, 0)
