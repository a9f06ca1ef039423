"""The settings of the flow ``curate``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from gristmill.core.config import Config, Size, did_you_mean
from gristmill.core.flag import Flag
from gristmill.core.memory import DEFAULT as MEMORY
from gristmill.core.memory import Memory
from gristmill.flows.fields import (
    AllowDamage,
    Columns,
    FollowLinks,
    Inputs,
    PolicyName,
    Unquoted,
    Workers,
    as_value_error,
)
from gristmill.tasks.dedup.config import DedupConfig, LineSettings
from gristmill.tasks.dedup.presets import PRESETS
from gristmill.tasks.extraction.config import ExtractConfig
from gristmill.tasks.ingest.grouping import Grouping
from gristmill.tasks.ingest.readers.rows.columns import ColumnMap


class DedupSettings(Config):
    """How duplicates are found and proved."""

    preset: Annotated[str, Flag("--dedup", "MinHash preset.")] = Field(
        "fineweb", description=f"MinHash shingles, bands and rows: {', '.join(PRESETS)}."
    )
    threshold: Annotated[float, Flag("--threshold")] = Field(
        0.75, gt=0, le=1, description="Jaccard similarity that makes two documents duplicates."
    )
    max_loss: Annotated[float, Flag("--max-loss", "Stop when near-duplicates would cost more of a source.")] = Field(
        0.9,
        gt=0,
        le=1,
        description="Stop when near-duplicates would remove more than this share of a source's kept documents.",
    )
    url: Annotated[bool, Flag("--dedup-url")] = Field(False, description="Keep only the newest document of a URL.")
    lines: LineSettings | None = Field(None, description="Cut lines that many documents share; off when left out.")
    against: Annotated[
        tuple[str, ...], Flag("--dedup-against", "A source of the lake to deduplicate against; repeatable.")
    ] = Field((), description="Sources of this lake to deduplicate against, as if all were curated in one run.")
    keep_earlier: Annotated[bool, Flag("--keep-earlier", "With --dedup-against: what it kept stays kept.")] = Field(
        False, description="What the curations named in 'against' kept stays kept, whatever this run adds."
    )
    parts: Annotated[int, Flag("--parts", "Runs to split the join of all bands into.")] = Field(
        1, ge=1, le=4096, description="Runs to split the join of all bands into, so that a cluster can share them."
    )
    memory: Annotated[Memory, Flag("--memory", "Memory of each global step of deduplication.")] = Field(
        MEMORY, description="Memory of each global step of deduplication, such as 2GiB."
    )

    @field_validator("preset")
    @classmethod
    def _known(cls, preset: str) -> str:
        if preset not in PRESETS:
            raise ValueError(f"there is no preset {preset!r}{did_you_mean(preset, list(PRESETS))}")
        return preset

    def config(self) -> DedupConfig:
        """The settings of the steps."""
        shared = self.model_dump(include={"threshold", "max_loss", "url"})
        return DedupConfig(minhash=PRESETS[self.preset], lines=self.lines, memory=self.memory, **shared)


class CurateSettings(Config):
    """A crawl, and how it becomes curated Parquet."""

    source: Annotated[str, Flag("--source")] = Field(
        description="Name under which the inputs are curated; part of every doc_id."
    )
    inputs: Inputs
    follow_links: FollowLinks = False
    allow_damage: AllowDamage = False
    allow_empty: Annotated[bool, Flag("--allow-empty", "Exit with code 0 even if no record was kept.")] = Field(
        False, description="Succeed even if no record was kept."
    )
    policy: PolicyName = "fineweb@code"
    map: Columns = Field(default_factory=ColumnMap)
    unquoted: Unquoted = False
    grouping: Grouping = Field(default_factory=Grouping, description="Which small files are read together.")
    shard_bytes: Annotated[Size, Flag("--shard-bytes")] = Field(
        256 << 20, ge=1 << 12, le=1 << 30, description="Payload of one shard, at most."
    )
    extract: ExtractConfig = Field(default_factory=ExtractConfig, description="How HTML becomes text.")
    language_model: Annotated[str | None, Flag("--language-model")] = Field(
        None, description="A fastText language model; lid.176 by default."
    )
    detector: Annotated[Literal["fasttext", "both"], Flag("--detector", "fasttext, or both (py3langid too).")] = Field(
        "fasttext", description="'both' asks py3langid too and says whether the two agree."
    )
    classifier: Annotated[str | None, Flag("--classifier", "A quality classifier to score with.")] = Field(
        None, description="A quality classifier: a folder or fastText model file."
    )
    url_lists: Annotated[str | None, Flag("--url-lists")] = Field(
        None, description="Folder of URL blocklists in UT1 layout."
    )
    decontaminate: Annotated[
        str | None, Flag("--decontaminate", "Index of evaluation items that `gristmill contamination` wrote.")
    ] = Field(None, description="An index of evaluation items to look for in every document.")
    harm: Annotated[str | None, Flag("--harm", "A harm classifier: of `safety train`, or a transformer.")] = Field(
        None, description="A harm classifier: a folder of `safety train`, or of a transformer in safetensors."
    )
    robots: Annotated[
        str | None, Flag("--robots", "Snapshot of robots.txt, ai.txt and tdmrep.json: a folder, WARC or JSON Lines.")
    ] = Field(None, description="A snapshot of what sites say of training, which counts beside the crawl's own record.")
    triggers: Annotated[bool, Flag("--triggers", "Look for trigger strings that recur on unrelated hosts.")] = Field(
        False, description="Look for n-grams that recur on unrelated hosts with the same continuation."
    )
    signals: Annotated[
        Literal["policy", "all"], Flag("--signals", "policy: the common ones and the policy's; or all.")
    ] = Field("policy", description="Sets of signals: the common ones and those the policy looks at, or all.")
    dedup: DedupSettings = Field(default_factory=DedupSettings, description="How duplicates are found.")
    workers: Workers = 2
    engine: Annotated[Literal["local", "ray"], Flag("--engine", "local, or ray.")] = Field(
        "local", description="Where shards are worked on."
    )
    ray_address: Annotated[str, Flag("--ray-address", "The Ray cluster: host:port, auto, or local.")] = Field(
        "auto", description="Address of the Ray cluster; 'local' starts one here."
    )
    part: Annotated[
        str | None, Flag("--part", "Only part i/n of the inputs, up to deduplication, for one machine of several.")
    ] = Field(
        None,
        pattern=r"^[1-9]\d*/[1-9]\d*$",
        description="Only part i of n of the inputs, as i/n, up to deduplication; a run without it has them cached.",
    )

    @field_validator("source")
    @classmethod
    def _source_is_a_name(cls, value: str) -> str:
        return as_value_error(value, "source")

    @field_validator("part")
    @classmethod
    def _part_is_one_of_all(cls, value: str | None) -> str | None:
        if value is not None and int(value.partition("/")[0]) > int(value.partition("/")[2]):
            raise ValueError(f"part {value}: there are only {value.partition('/')[2]} parts")
        return value

    @model_validator(mode="after")
    def _not_against_itself(self) -> Self:
        if self.source in self.dedup.against:
            raise ValueError(f"dedup.against names {self.source!r} itself, which is deduplicated anyway; leave it out")
        return self

    def lasting(self) -> dict[str, Any]:
        """The settings that the result depends on: not where or how fast it was made, nor where the inputs are."""
        return self.model_dump(
            mode="json",
            exclude={
                "inputs": True,
                "follow_links": True,
                "allow_damage": True,
                "allow_empty": True,
                "workers": True,
                "engine": True,
                "ray_address": True,
                "part": True,
                "dedup": {"memory"},
            },
        )


def place_curation(values: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Settings of a file, as it writes them: inputs and a policy file that are relative are relative to ``folder``."""
    placed = dict(values)
    inputs, policy = placed.get("inputs"), placed.get("policy")
    if isinstance(inputs, (list, tuple)):
        placed["inputs"] = tuple(
            str(folder / Path(entry).expanduser()) if isinstance(entry, str) and "://" not in entry else entry
            for entry in inputs
        )
    if isinstance(policy, str) and policy.endswith((".yaml", ".yml")):
        placed["policy"] = str(folder / Path(policy).expanduser())
    return placed
