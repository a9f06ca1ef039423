"""The settings of the verb ``preflight``. Its curation has the defaults of :class:`CurateSettings` in all the rest."""

from typing import TYPE_CHECKING

from pydantic import Field

from gristmill.core.config import Config
from gristmill.flows.fields import AllowDamage, Columns, FollowLinks, Inputs, PolicyName, Unquoted, Workers
from gristmill.tasks.ingest.readers.rows.columns import ColumnMap
from gristmill.tasks.preflight.config import SampleConfig

if TYPE_CHECKING:
    from gristmill.flows.curate.settings import CurateSettings


class PreflightSettings(Config):
    """Inputs, how they would be curated, and how much of them is looked at."""

    inputs: Inputs
    policy: PolicyName = "fineweb@code"
    sample: SampleConfig = Field(default_factory=SampleConfig, description="How much is looked at.")
    workers: Workers = 2
    map: Columns = Field(default_factory=ColumnMap)
    unquoted: Unquoted = False
    follow_links: FollowLinks = False
    allow_damage: AllowDamage = False

    def curation(self) -> "CurateSettings":
        """The curation that is looked at. Raises :class:`UsageError`."""
        from gristmill.flows.curate.settings import CurateSettings  # imports steps, and --help needs none

        return CurateSettings.parse({"source": "preflight"} | self.model_dump(exclude={"sample"}), "preflight")
