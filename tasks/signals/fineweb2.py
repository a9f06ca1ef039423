"""FineWeb-2's signals: Gopher's and FineWeb's ratios over words as each language has them.

Source: Penedo et al. 2025; huggingface/fineweb-2 ``fineweb-2-pipeline.py`` and ``configs``; the formulas of datatrove
0.10. The formulas are those of ``gopher_quality``, ``gopher_repetition`` and ``fineweb`` over the words of
``gristmill.tasks.tokenization.segment``, on the text as it is: FineWeb-2 runs no C4. Documents in other languages, and
in languages whose splitter is not installed, have unit ``none`` and null in every column.

Cost: the splitter's, see docs/languages.md, and about 20 MB/s a core for the ratios.
"""

import numpy as np
import pyarrow as pa

from gristmill.core.config import Config
from gristmill.core.errors import UsageError
from gristmill.core.steps.kinds import shard_step
from gristmill.schemas.tables import Documents, SignalsFineWeb2, SignalsLanguage
from gristmill.tasks.signals.fineweb import FineWebConfig, fineweb_columns
from gristmill.tasks.signals.gopher_quality import GopherQualityConfig, quality_columns
from gristmill.tasks.signals.gopher_repetition import repetition_columns
from gristmill.tasks.text.slices import map_slices, one_chunk
from gristmill.tasks.tokenization.languages import codes_of, splitters, stop_words
from gristmill.tasks.tokenization.segment import HINT, Split
from gristmill.tasks.tokenization.words import tokens_from_characters

NO_UNIT = "none"


class FineWeb2Config(Config):
    """``splitters``: the version of the splitter of each language, by FineWeb-2's code. See :func:`fineweb2_config`."""

    splitters: dict[str, str]


def fineweb2_config() -> FineWeb2Config:
    """The config with every splitter that is installed, so that another version makes another output."""
    found = {code: splitter.version() for code, splitter in splitters().items()}
    return FineWeb2Config(splitters={code: version for code, version in found.items() if version is not None})


@shard_step("fineweb2", version=1, reads=(Documents, SignalsLanguage), writes=(SignalsFineWeb2,))
def fineweb2(documents: pa.Table, languages: pa.Table, config: FineWeb2Config) -> pa.Table:
    """One row of ``signals/fineweb2`` for each row of ``documents``, in their order.

    Raises :class:`UsageError` when an installed splitter is not the one in the config.
    """
    codes = codes_of(documents, languages).fill_null("")
    places, parts = [], []
    known = splitters()
    for code in codes.unique(maintain_order=True).to_list():
        place = (codes == code).arg_true().to_numpy()
        places.append(place)
        part = documents.take(pa.array(place))
        if code not in config.splitters:
            parts.append(_nothing(part))
            continue
        if known[code].version() != config.splitters[code]:
            raise UsageError(
                f"the splitter of {code} is {known[code].version() or 'not installed'}, and the config says "
                f"{config.splitters[code]}. Make the config here, or install that version ({HINT})."
            )
        parts.append(_signals(part, known[code].unit, known[code].load(), stop_words()[code]))
    if not parts:
        return SignalsFineWeb2.schema.empty_table()
    back = np.empty(len(documents), np.int64)
    back[np.concatenate(places)] = np.arange(len(documents))
    return pa.concat_tables(parts).take(pa.array(back)).cast(SignalsFineWeb2.schema)


def _signals(documents: pa.Table, unit: str, split: Split, stops: tuple[str, ...]) -> pa.Table:
    quality = GopherQualityConfig(stop_words=stops)

    def kernel(part: pa.Table) -> pa.Table:
        texts = one_chunk(part.column("text"))
        words = split(texts)
        tokens = tokens_from_characters(texts, words.start, words.end, words.offsets)
        found = fineweb_columns(texts, tokens, FineWebConfig())
        repetition = repetition_columns(texts, tokens) | {"dup_line_char_ratio": found["dup_line_char_ratio"]}
        values = found | quality_columns(texts, tokens, quality) | repetition
        values |= {"doc_id": part.column("doc_id"), "unit": pa.array([unit] * len(part), pa.string())}
        return pa.table([values[name] for name in SignalsFineWeb2.schema.names], SignalsFineWeb2.schema)

    return map_slices(kernel, documents)


def _nothing(documents: pa.Table) -> pa.Table:
    """Rows of nulls."""
    count = len(documents)
    columns = {"doc_id": documents.column("doc_id"), "unit": pa.array([NO_UNIT] * count, pa.string())}
    fields = [columns.get(field.name, pa.nulls(count, field.type)) for field in SignalsFineWeb2.schema]
    return pa.table(fields, SignalsFineWeb2.schema)
