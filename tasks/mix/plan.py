"""The plan: which row of which domain is trained on when, in closed form.

A row is one of the disjoint windows of ``row_tokens`` = L+1 tokens of a domain (L predictions; the label shift is
inside, so no token is shared between rows). ``plan.row(r)`` is O(1) in the number of rows (O(k) in domains): nothing
is materialised, a run resumes from one integer, and any number of data-parallel ranks reads the same global order.

1. *Counts* by error diffusion (``gristmill.tasks.mix.apportion``): after any number of blocks every domain has had its
   share of the rows, to within 2 rows, without drift.
2. *Order.* Rows of a block of ``block`` rows are shuffled by a seeded permutation of the block.
3. *Epochs.* The k-th row of a domain is row ``permutation[domain, epoch](k mod rows)`` in epoch ``k // rows``: no row
   comes twice in an epoch, and two epochs overlap at most inside one block. k runs on over stages (a stage re-bases: in
   each domain it starts where the one before it stopped), so a change of weights or of the order loses and repeats
   nothing.
4. *Sorted stages* have no step 2, and read the k of each domain and epoch by a signal instead of counting up: by a
   stored permutation (``gristmill.tasks.mix.orders``), so which rows a stage reads does not depend on its order.
5. *Arms* of an experiment read other rows in some places, and the same in all others (``orders.replacement``).

Only integers are used, so every machine gives the same order; ``check`` in plan.json is a digest of its first and last
rows that is compared when a plan is loaded. After Levanter's MixtureDataset (block-deterministic, random access).
"""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PrivateAttr

from gristmill.core.config import Config
from gristmill.core.digests import canonical_json, digest_bytes, digest_json, digest_text
from gristmill.core.errors import GristmillError
from gristmill.tasks.mix.apportion import ShareTree
from gristmill.tasks.mix.orders.replacement import Gaps, Replacement
from gristmill.tasks.mix.orders.stored import FILE as ORDER_FILE
from gristmill.tasks.mix.orders.stored import Orders, StageOrder
from gristmill.tasks.mix.permutation import Integers, Words, key, permute
from gristmill.tasks.mix.token_store import TokenStore

FILE = "plan.json"
FORMAT = 1
CHECK_ROWS = 512
KERNEL_ROWS = 1 << 15  # a run this long is worth starting the compiler for
BLOCK_SALT, EPOCH_SALT = 0xB10C, 0xE90C
ROW_FORMAT = "disjoint windows of row_tokens = L+1 tokens, L predictions each"


class PlanDomain(Config):
    """A domain as the plan knows it: how many whole rows it has, and the digest of its token files."""

    name: str
    rows: int = Field(ge=1)
    fingerprint: str


class PlanStage(Config):
    """Rows up to ``end_row`` (from the end of the stage before) are shared out by ``weights``, in units of 1/2**31.

    They are shuffled, unless they come in an ``order``.
    """

    end_row: int
    weights: tuple[int, ...]
    order: StageOrder | None = Field(None, exclude_if=lambda value: value is None)


@dataclass(frozen=True)
class Rows:
    """A run of the plan, arrays of shape (n,): index of the domain, epoch and position of the row in the domain."""

    domain: Integers
    epoch: Integers
    position: Integers


@dataclass(frozen=True)
class Realised:
    """What the plan gives a domain: its rows in each stage, in all, and how many times it is seen."""

    stage_rows: tuple[int, ...]
    rows: int
    epochs: float


class Plan(Config):
    """The order of a training run, which :func:`gristmill.tasks.mix.planning.make_plan` makes.

    Store with :meth:`write`, open with :meth:`load`.
    """

    mixture: str
    domains: tuple[PlanDomain, ...]
    stages: tuple[PlanStage, ...]
    row_tokens: int = Field(ge=2)
    block: int = Field(ge=1)
    seed: int = Field(ge=0)
    replacement: Replacement | None = Field(None, exclude_if=lambda value: value is None)
    _orders: Orders | None = PrivateAttr(None)

    def __eq__(self, other: object) -> bool:
        """Two plans are equal when they give the same order."""
        return isinstance(other, Plan) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __len__(self) -> int:
        """Rows of the run."""
        return self.stages[-1].end_row

    @property
    def tokens(self) -> int:
        """Tokens of the run: rows times L+1."""
        return len(self) * self.row_tokens

    @cached_property
    def digest(self) -> str:
        """Digest of all settings, so of the whole order."""
        return digest_json(self.model_dump(mode="json"))

    def row(self, row: int) -> tuple[str, int, int]:
        """(domain, epoch, position) of one row of the run. Raises ``IndexError`` outside the plan."""
        rows = self.rows(row, row + 1)
        return self.domains[int(rows.domain[0])].name, int(rows.epoch[0]), int(rows.position[0])

    def rows(self, start: int, stop: int) -> Rows:
        """Rows ``start`` to ``stop`` of the run (long runs in a kernel). Raises ``IndexError`` outside the plan."""
        if not 0 <= start <= stop <= len(self):
            raise IndexError(f"rows {start} to {stop} of a plan of {len(self)} rows")
        run = np.arange(start, stop, dtype=np.int64)
        domain, ordinal = np.empty_like(run), np.empty_like(run)
        for number, (first, end, before) in enumerate(self.spans):
            here = (run >= first) & (run < end)
            if np.any(here):
                domain[here], inside = self._assign(number, run[here] - first, end - first)
                ordinal[here] = inside + before[domain[here]]
        if self.gaps is not None:
            domain, ordinal = self.gaps.fill(domain, ordinal)
        held = np.array([entry.rows for entry in self.domains], dtype=np.int64)
        if len(run) >= KERNEL_ROWS:
            from gristmill.tasks.mix.plan_rows import positions

            return Rows(domain, *positions(domain, ordinal, held, key(self.seed, EPOCH_SALT, self._name_keys)))
        sizes = held[domain]
        epoch = ordinal // sizes
        return Rows(domain, epoch, permute(ordinal % sizes, sizes, self.epoch_key(domain, epoch)))

    @property
    def orders(self) -> Orders:
        """The orders of the sorted stages. Raises :class:`GristmillError` when there are some and they are not here."""
        if self._orders is None:
            raise GristmillError("this plan's orders are not with it. Load it from its file.")
        return self._orders

    def with_orders(self, orders: Orders) -> "Plan":
        """The same plan with the orders of its sorted stages, bound by their digests."""
        stages = list(self.stages)
        for number, (stage, starts) in enumerate(zip(self.stages, self.order_starts, strict=True)):
            if stage.order is not None:
                told = stage.order.model_copy(update={"digest": orders.digest(int(starts[0]), int(starts[-1]))})
                stages[number] = stage.model_copy(update={"order": told})
        plan = Plan.model_validate(self.model_dump() | {"stages": stages})
        plan._orders = orders
        return plan

    def epoch_key(self, domain: int | Integers, epoch: int | Integers) -> Words:
        """The key that shuffles the rows of a domain (its number) in an epoch."""
        return key(self.seed, EPOCH_SALT, self._name_keys[domain], epoch)

    def realised(self) -> dict[str, Realised]:
        """Exact rows and epochs of every domain, without walking the plan."""
        parts = zip(self.trees, self.spans, strict=True)
        own = [(before, before + tree.counts(end - first)) for tree, (first, end, before) in parts]
        table = np.stack([end - first if self.gaps is None else self.gaps.counts(first, end) for first, end in own])
        return {
            entry.name: Realised(
                tuple(table[:, i].tolist()), int(table[:, i].sum()), float(table[:, i].sum() / entry.rows)
            )
            for i, entry in enumerate(self.domains)
        }

    def check(self) -> str:
        """Digest of the first and last rows: the same on every machine."""
        edges = [(0, min(CHECK_ROWS, len(self))), (max(len(self) - CHECK_ROWS, 0), len(self))]
        runs = [self.rows(start, stop) for start, stop in edges]
        values = np.concatenate([np.stack([run.domain, run.epoch, run.position]) for run in runs], axis=1)
        return digest_bytes(values.astype("<i8").tobytes())

    def write(self, path: Path) -> None:
        """Write plan.json (not atomically: the lake's folders are published as a whole)."""
        value = PlanFile(format=FORMAT, row_format=ROW_FORMAT, plan=self, digest=self.digest, check=self.check())
        path.write_bytes(canonical_json(value.model_dump(mode="json")) + b"\n")
        if self.sorted_rows:
            self.orders.write(path.with_name(ORDER_FILE))

    @classmethod
    def load(cls, path: Path) -> "Plan":
        """Read plan.json. Raises :class:`GristmillError` when it is missing, changed, or orders differently here."""
        if not path.is_file():
            raise GristmillError(f"{path}: there is no such file. Name a plan.json that the mix flow wrote.")
        try:
            value = json.loads(path.read_bytes())
        except ValueError as error:
            raise GristmillError(f"{path} is not JSON: {error}. Run the mix flow again.") from error
        if isinstance(value, dict) and value.get("format") != FORMAT:
            raise GristmillError(
                f"{path} is not a plan of format {FORMAT}, which this version reads. Run the mix flow again."
            )
        file = PlanFile.parse(value, str(path))
        plan = file.plan
        if plan.digest != file.digest:
            raise GristmillError(f"{path} was changed after it was written. Run the mix flow again.")
        if plan.sorted_rows:
            plan = plan.with_orders(Orders.open(path.with_name(ORDER_FILE), plan.sorted_rows))
            if plan.digest != file.digest:
                told = f"{path.with_name(ORDER_FILE)} is not the order of {path}"
                raise GristmillError(f"{told}. Run the mix flow again.")
        if plan.check() != file.check:
            raise GristmillError(f"{path}: this version of gristmill orders rows differently. Run the mix flow again.")
        return plan

    def require(self, store: TokenStore) -> None:
        """Raise :class:`GristmillError` unless ``store`` holds exactly the tokens that the plan was made for."""
        for entry in self.domains:
            if store.fingerprint(entry.name) != entry.fingerprint:
                raise GristmillError(
                    f"the tokens of the domain {entry.name!r} are not those the plan was made for. Give the token "
                    "folders of the same mix run, or make the mixture again."
                )

    @cached_property
    def trees(self) -> tuple[ShareTree, ...]:
        """How each stage shares its rows out among the domains."""
        return tuple(ShareTree.of(stage.weights) for stage in self.stages)

    @cached_property
    def spans(self) -> tuple[tuple[int, int, Integers], ...]:
        """For each stage its first row, its end, and the rows of each domain before it."""
        spans, first, before = [], 0, np.zeros(len(self.domains), dtype=np.int64)
        for stage, tree in zip(self.stages, self.trees, strict=True):
            spans.append((first, stage.end_row, before))
            before = before + tree.counts(stage.end_row - first)
            first = stage.end_row
        return tuple(spans)

    @cached_property
    def gaps(self) -> Gaps | None:
        """The places that other rows take, if any."""
        (first, end, before), tree = self.spans[-1], self.trees[-1]
        return Gaps.of(self.replacement, before + tree.counts(end - first)) if self.replacement else None

    @cached_property
    def order_starts(self) -> tuple[Integers, ...]:
        """For each stage where each domain's part of the orders begins, and where the last ends: shape (domains + 1,).

        A shuffled stage has an empty part.
        """
        starts, done = [], 0
        for stage, tree, (first, end, _) in zip(self.stages, self.trees, self.spans, strict=True):
            counts = tree.counts(end - first if stage.order else 0)
            starts.append(done + np.concatenate([[0], np.cumsum(counts)]))
            done = int(starts[-1][-1])
        return tuple(starts)

    @property
    def sorted_rows(self) -> int:
        """Rows of the sorted stages."""
        return int(self.order_starts[-1][-1])

    @cached_property
    def _name_keys(self) -> NDArray[np.uint64]:
        return np.array([int(digest_text(entry.name)[:16], 16) for entry in self.domains], dtype=np.uint64)

    def _assign(self, stage: int, rows: Integers, size: int) -> tuple[Integers, Integers]:
        """Domain and ordinal within the stage's rows of that domain, for rows counted from the stage's start."""
        if self.stages[stage].order is not None:
            domain, place = self.trees[stage].assign(rows)
            return domain, self.orders.read[self.order_starts[stage][domain] + place].astype(np.int64)
        if len(rows) >= KERNEL_ROWS:
            from gristmill.tasks.mix.plan_rows import share_out

            keys = key(self.seed, BLOCK_SALT, stage)
            return share_out(self.trees[stage], int(rows[0]), len(rows), size, self.block, keys)
        block = rows // self.block
        base = block * self.block
        sizes = np.minimum(self.block, size - base)
        shuffled = base + permute(rows - base, sizes, key(self.seed, BLOCK_SALT, stage, block))
        return self.trees[stage].assign(shuffled)


class PlanFile(Config):
    """plan.json."""

    format: int
    row_format: str
    plan: Plan
    digest: str
    check: str
