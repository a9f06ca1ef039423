"""What detectors find in one text, as the step sees it: through the prefilter, without overlaps."""

import random
import string
from collections.abc import Sequence

from gristmill.tasks.safety.engine import Joined, prefilter
from gristmill.tasks.safety.finding import Detector, Finding, strongest

LETTERS_AND_DIGITS = string.ascii_letters + string.digits


def findings_in(text: str, detectors: Sequence[Detector]) -> list[Finding]:
    """All findings of ``detectors`` in ``text``, in order of place."""
    joined = Joined.of([text])
    regions = prefilter(tuple(detectors)).regions(joined)
    return list(
        strongest(found for region in regions for found in region.detector.find(text, region.start, region.end))
    )


def drawn(characters: int, alphabet: str = LETTERS_AND_DIGITS, seed: int = 1) -> str:
    """Characters drawn at random, so that no test file holds anything that looks like a key."""
    source = random.Random(seed)
    return "".join(source.choice(alphabet) for _ in range(characters))
