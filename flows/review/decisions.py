"""What people decided, as an input of a curation."""

from gristmill.core.lake import Lake
from gristmill.core.manifest import Ref
from gristmill.core.steps.inputs import Inputs
from gristmill.schemas.tables import Reviews
from gristmill.tasks.safety.review.snapshot import TakeReviewsConfig, settled, take_reviews
from gristmill.warehouse.reviews.store import Reviews as Store


def snapshot(lake: Lake, readers: int) -> Ref | None:
    """The decisions that count when ``readers`` must agree, as a file of the lake; None where there are none.

    Raises :class:`DamageError` for a file of decisions that cannot be read.
    """
    source = settled(Store(lake.root).by_text(), readers)
    if not source.rows:
        return None
    return take_reviews.run(lake, source.shard, Inputs(source=source), TakeReviewsConfig()).manifest.output(Reviews)
