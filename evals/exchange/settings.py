"""What an export of results is told: who made the model and who evaluated it, prices, and what to write."""

from typing import Annotated, Literal

from pydantic import Field

from gristmill.core.config import Config, Printable
from gristmill.core.flag import Flag


class Provenance(Config):
    """What a lake does not know about a model and its evaluator, and prices. Field names are the schema's."""

    model_id: Annotated[Printable, Flag("--model-id")] = Field(
        "", description="Name of the model as maker/name; the label when left out."
    )
    developer: Annotated[Printable, Flag("--developer")] = Field("unknown", description="Who made the model.")
    organization: Annotated[Printable, Flag("--organization")] = Field("unknown", description="Who evaluated it.")
    relationship: Annotated[Literal["first_party", "third_party", "collaborative", "other"], Flag("--relationship")] = (
        Field(
            "other",
            description="Relation of the evaluator to the model: first_party, third_party, collaborative or other.",
        )
    )
    availability: Annotated[Literal["open_weights", "closed_weights", "unknown"], Flag("--availability")] = Field(
        "unknown", description="open_weights, closed_weights or unknown."
    )
    price_hour: Annotated[float | None, Flag("--price-hour")] = Field(
        None, ge=0, description="Price of the machine for an hour, from which the cost of a correct answer follows."
    )
    price_million: Annotated[float | None, Flag("--price-million")] = Field(
        None, ge=0, description="Price of a million tokens, instead of one for an hour."
    )


class Chosen(Config):
    """Which results are written, and in which format."""

    format: Annotated[Literal["every-eval-ever"], Flag("--format")] = Field(
        "every-eval-ever", description="every-eval-ever, the only one so far."
    )
    suites: Annotated[tuple[str, ...], Flag("--suite", "Export this suite; repeatable; all when left out.")] = Field(
        (), description="Suites to export; all when left out."
    )
    samples: Annotated[bool, Flag("--samples")] = Field(
        False, description="Also write every prompt and answer; mind the benchmarks' licences."
    )


class ExportSettings(Provenance, Chosen):  # the fields of the last base come first
    """The settings of ``export``: which results are written, and what the lake does not know of them."""

    def provenance(self) -> Provenance:
        """What the lake does not know."""
        return Provenance.model_validate({name: getattr(self, name) for name in Provenance.model_fields})
