"""Every detector of the step ``findings``, declared once. A new one is its module and its line here.

The step's configuration holds names and versions of the detectors, so a line that is added, or a version that is
raised, gives the step new keys by itself.
"""

from gristmill.tasks.safety.attacks import bidi, hidden_unicode, homoglyphs, injection, stuffing
from gristmill.tasks.safety.finding import Detector
from gristmill.tasks.safety.harm import words
from gristmill.tasks.safety.personal import addresses, births, cards, chinese, iban, internet, names, national, phones
from gristmill.tasks.safety.secrets import assignments, kingfisher, private_keys, providers, urls

DETECTORS: tuple[Detector, ...] = (
    *internet.DETECTORS,
    *phones.DETECTORS,
    *cards.DETECTORS,
    *iban.DETECTORS,
    *national.DETECTORS,
    *chinese.DETECTORS,
    *addresses.DETECTORS,
    *births.DETECTORS,
    *names.DETECTORS,
    *assignments.DETECTORS,
    *urls.DETECTORS,
    *private_keys.DETECTORS,
    *providers.DETECTORS,
    *kingfisher.DETECTORS,
    *hidden_unicode.DETECTORS,
    *bidi.DETECTORS,
    *homoglyphs.DETECTORS,
    *injection.DETECTORS,
    *stuffing.DETECTORS,
    *words.DETECTORS,
)
"""In no order that matters: overlaps are decided by score and length."""
