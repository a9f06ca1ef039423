"""Whether a mix may be trained on or handed out: its corpora are signed, or the caller says that they need not be."""

from collections.abc import Sequence

from gristmill.core.errors import UsageError
from gristmill.core.hints import on_lake
from gristmill.core.lake import Lake
from gristmill.core.manifest import Dataset
from gristmill.warehouse.reviews.corpus import SignedCorpora

REQUIRED = "required"


def check_signed(mix: Dataset, lake: Lake, *, unsigned: bool) -> list[str]:
    """The unsigned sources that ``mix`` was made from, if that is allowed.

    Raises :class:`UsageError` when there are any and ``unsigned`` does not allow them, or their policy never does.
    """
    sources = SignedCorpora(lake).unsigned_of_mix(mix)
    if sources:
        refuse_unsigned(sources, lake, unsigned=unsigned)
    return sources


def refuse_unsigned(sources: Sequence[str], lake: Lake, *, unsigned: bool) -> None:
    """Raise :class:`UsageError` for these unsigned sources unless ``unsigned`` allows them."""
    sign = on_lake(f"gristmill review sign-off {sources[0]}", lake.root)
    named = ", ".join(sources)
    strict = [source for source in sources if _required(source, lake)]
    if strict:
        raise UsageError(
            f"nobody signed off {', '.join(strict)}, and the policy of it asks for a signature (safety.sign_off: "
            f"required). Sign it first: {sign}"
        )
    if not unsigned:
        raise UsageError(
            f"nobody signed off the corpus this is made from ({named}). Sign it: {sign}; or give --unsigned (unsigned: "
            "true under train in a file), and whatever is made from it is shown as unsigned"
        )


def signed_before(source: str, lake: Lake) -> bool:
    """Whether the corpus of ``source``, as it is now, is signed: for a pipeline, which may be about to change it."""
    dataset = lake.dataset("curation", source)
    return dataset is not None and SignedCorpora(lake).signature(dataset) is not None


def _required(source: str, lake: Lake) -> bool:
    dataset = lake.dataset("curation", source)
    if dataset is None:
        return False
    policy = dataset.config.get("policy")
    safety = policy.get("safety") if isinstance(policy, dict) else None
    return isinstance(safety, dict) and safety.get("sign_off") == REQUIRED
