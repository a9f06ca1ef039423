"""The settings of ``demo``: how large the demonstration is. The rest is in ``flows/configs/demo.yaml``."""

from typing import Annotated

from pydantic import Field

from gristmill.core.config import Config
from gristmill.core.flag import Flag
from gristmill.flows.fields import Workers


class DemoSettings(Config):
    """The size of the demonstration."""

    pages: Annotated[int, Flag("--pages")] = Field(
        3000, ge=200, le=20_000, description="Pages of the demo site to crawl."
    )
    tokens: Annotated[int, Flag("--tokens")] = Field(
        400_000,
        ge=50_000,
        description="Tokens that each of the two models is trained on; DoReMi's proxies in proportion.",
    )
    checkpoints: Annotated[int, Flag("--checkpoints")] = Field(
        3, ge=1, le=50, description="Checkpoints of each model to save and score."
    )
    workers: Workers = 2
