"""Values in which training is allowed or reserved, by the grammar of each: header fields, and lines of robots.txt.

* ``Content-Usage`` (draft-ietf-aipref-attach, draft-ietf-aipref-vocab): a dictionary of structured fields, ``n`` or
  ``y`` for a category of use. Training a language model is looked up from the narrowest category to the widest
  (vocab, "consulting a preference expression"); the labels of earlier drafts are known too, because pages carry them.
* Content Signals (contentsignals.org, draft-romm-aipref-contentsignals): ``search=yes, ai-train=no``.
* ``X-Robots-Tag`` and robots meta: ``noai`` (DeviantArt 2022), for all or for one agent. ``noimageai`` speaks of
  pictures and ``noindex`` of search, so neither reserves a text; the caller counts them apart.
* ``TDM-Reservation`` (W3C TDM Reservation Protocol): 1 reserves, 0 does not; anything else says nothing.

What cannot be parsed says nothing. Cost: linear in the value.
"""

import re

from gristmill.tasks.safety.rights.agents import LOWER
from gristmill.tasks.safety.rights.structured import dictionary

# Narrow to wide, the current label of each category first, then those of earlier drafts.
TRAINING = (("train-genai", "genai"), ("train-ai", "ai"), ("tdm", "bots", "all"))
SIGNAL = re.compile(r"\s*([a-z-]+)\s*=\s*([a-z]+)\s*", re.I)
VALUED = frozenset({"unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"})
AGENT = re.compile(r"\s*([A-Za-z0-9_.*-]+)\s*:\s*(.*)", re.S)
MOST_DIRECTIVES = 1000


def content_usage(value: str) -> bool | None:
    """What a ``Content-Usage`` says about training a language model; None if it does not say."""
    members = dictionary(value)
    for labels in TRAINING:
        said = {members.get(label) for label in labels} if members else set()
        if "n" in said:
            return False
        if "y" in said:
            return True
    return None


def content_signal(value: str) -> bool | None:
    """What a ``Content-Signal`` says about training; None if it does not say. ``no`` wins over ``yes``."""
    said = {
        found[2].lower()
        for part in value.split(",", MOST_DIRECTIVES)
        if (found := SIGNAL.fullmatch(part)) and found[1].lower() == "ai-train"
    }
    return False if "no" in said else True if "yes" in said else None


def robots_directives(value: str) -> frozenset[str]:
    """The directives of a robots meta or ``X-Robots-Tag``, in small letters, that hold for everybody or for one of the
    agents that train models. A directive belongs to the last agent named before it."""
    applies, found = True, set()
    for part in value.split(",", MOST_DIRECTIVES):
        named = AGENT.fullmatch(part)
        if named is not None and named[1].lower() not in VALUED:
            applies = named[1] == "*" or named[1].lower() in LOWER
            part = named[2]
        if applies:
            found.update(part.lower().split())
    return frozenset(found)


def tdm_reservation(value: str) -> bool | None:
    """What a TDM reservation says: False (reserved) for 1, True for 0, None for anything else."""
    return {"1": False, "0": True}.get(value.strip())
