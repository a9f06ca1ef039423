"""The signals: what is measured in every document, one table for each signal set.

A policy names a signal as ``table.column``. An optional table measures what only some documents have: it has a row for
every document, and its columns are null where they do not apply. A rule over a null fails, so such rules belong in
policies for such documents (or in a ``switch``).
"""

from gristmill.core.table import Table
from gristmill.schemas.tables.signals.chinese import SignalsChinese
from gristmill.schemas.tables.signals.code import SignalsCode
from gristmill.schemas.tables.signals.english import (
    SignalsC4,
    SignalsC4Paper,
    SignalsC4Tfds,
    SignalsFineWeb,
    SignalsGopherQuality,
    SignalsGopherRepetition,
    SignalsRefinedWeb,
)
from gristmill.schemas.tables.signals.harm import SignalsHarm
from gristmill.schemas.tables.signals.language import SignalsFineWeb2, SignalsLanguage
from gristmill.schemas.tables.signals.page import SignalsClassifier, SignalsContamination, SignalsDomain, SignalsUrl
from gristmill.schemas.tables.signals.rights import SignalsRights

SIGNALS: tuple[Table, ...] = (
    SignalsLanguage,
    SignalsGopherQuality,
    SignalsGopherRepetition,
    SignalsC4,
    SignalsC4Paper,
    SignalsC4Tfds,
    SignalsFineWeb,
    SignalsDomain,
    SignalsRefinedWeb,
    SignalsClassifier,
    SignalsContamination,
    SignalsFineWeb2,
    SignalsChinese,
    SignalsCode,
    SignalsHarm,
    SignalsRights,
    SignalsUrl,
)
