"""What the URL of a document says: blocklists in the layout of UT1, hard and soft words, banned pieces.

Source: datatrove 0.10 ``url_filter.py`` (FineWeb, after RefinedWeb appendix G.1); the UT1 blocklists of Université
Toulouse Capitole, a folder for each category with files ``domains``, ``urls`` and ``expressions``.

Words of a URL are what stands between characters other than ASCII letters and digits, in their own case, as upstream
splits them; listed words are in lower case without such characters. Pieces are looked for in all letters and digits of
the URL put together, in lower case. Three differences: a listed domain covers every host below it, as in squidGuard,
whose lists these are (upstream asks for the host and for its registered domain, nothing between); listed domains and
URLs cover every spelling of the address (``gristmill.core.urls``), such as ``%7E`` for ``~`` or a host in punycode;
and a document without a URL has null in every column, where upstream stops with an assertion.

No blocklist comes with the project: docs/languages.md says where UT1 is. The word lists are our own and short. Lists
enter the cache key by their digests, never by their paths. Cost: about 300,000 URLs a second a core; 8 bytes of
memory a listed domain or URL, and a second for a million of them, once in a process.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
from pydantic import Field

from gristmill.core.config import Config, did_you_mean
from gristmill.core.digests import digest_file
from gristmill.core.errors import UsageError
from gristmill.core.steps.kinds import shard_step
from gristmill.core.urls import plain_host
from gristmill.schemas.tables import Documents, SignalsUrl
from gristmill.tasks.text.slices import one_chunk
from gristmill.tasks.text.urls import plain_urls

LISTS = Path(__file__).parent / "lists"
WORD_LISTS = {"hard": "url_hard_words.txt", "soft": "url_soft_words.txt", "pieces": "url_pieces.txt"}
FILES = ("domains", "urls", "expressions")
NO_WORD = r"[^a-zA-Z0-9]+"
ADDRESS = r"^[a-zA-Z][a-zA-Z0-9+.-]*://(?:[^/?#@]*@)?"
UT1 = "https://dsi.ut-capitole.fr/blacklists/"


class UrlList(Config):
    """One file: ``name`` says what it is (``adult/domains``, ``hard``), ``digest`` is the xxh3-128 of its content.

    ``path`` says where it lies on this machine, and is left out of the JSON form and so of the cache key.
    """

    name: str
    digest: str
    path: Path = Field(exclude=True, repr=False)


class UrlConfig(Config):
    """The lists that are looked at. Make one with :func:`url_config`."""

    lists: tuple[UrlList, ...]


def url_config(
    blocklists: Path | None = None,
    categories: tuple[str, ...] = (),
    hard: Path | None = None,
    soft: Path | None = None,
    pieces: Path | None = None,
) -> UrlConfig:
    """The config for a UT1 folder (or none), some or all of its categories, and the user's own word lists.

    Raises :class:`UsageError` for a folder or file that is not there, and for an unknown category.
    """
    lists = []
    if blocklists is not None:
        lists += [_listed(f"{file.parent.name}/{file.name}", file) for file in _files(blocklists, categories)]
    elif categories:
        raise UsageError("categories of a blocklist were named, but no folder that has them")
    for name, given in (("hard", hard), ("soft", soft), ("pieces", pieces)):
        lists.append(_listed(name, given or LISTS / WORD_LISTS[name]))
    return UrlConfig(lists=tuple(lists))


@shard_step("url", version=2, reads=(Documents,), writes=(SignalsUrl,))
def url_rules(documents: pa.Table, config: UrlConfig) -> pa.Table:
    """One row of ``signals/url`` for each row of ``documents``, in their order.

    Raises :class:`UsageError` when a list is missing or is not the one in the config.
    """
    lists = _load(config)
    distinct = pl.Series("url", one_chunk(documents.column("url")), dtype=pl.String).unique().drop_nulls()
    distinct = distinct.filter(distinct != "")
    found = _signals(distinct, lists)
    rows = pl.DataFrame(documents.select(["doc_id", "url"])).join(found, on="url", how="left", maintain_order="left")
    return rows.select(SignalsUrl.schema.names).to_arrow().cast(SignalsUrl.schema)


@dataclass(frozen=True)
class Lists:
    """Lists, ready for look-ups. ``domains`` and ``urls``: sorted hashes and the category of each.

    ``expressions``: category and regular expressions. ``categories``: names, in the order of their numbers.
    """

    categories: tuple[str, ...]
    domains: tuple[npt.NDArray[np.uint64], npt.NDArray[np.int32]]
    urls: tuple[npt.NDArray[np.uint64], npt.NDArray[np.int32]]
    expressions: tuple[tuple[int, str], ...]
    words: dict[str, tuple[str, ...]]


def _signals(urls: pl.Series, lists: Lists) -> pl.DataFrame:
    """The columns for distinct URLs."""
    address = urls.str.replace(ADDRESS, "")
    plain = plain_urls(urls).fill_null(urls).str.replace(ADDRESS, "")
    host = plain.str.extract(r"^([^/?#:]*)").str.to_lowercase().str.strip_chars_end(".")
    on_host = _category(_hashes(host), lists.domains)
    above = np.full(len(urls), -1, np.int32)
    rest = host
    while (rest := rest.str.extract(r"^[^.]+\.(.+\..+)$")).is_not_null().any():
        category = _category(_hashes(rest.fill_null("")), lists.domains)
        above = _first(above, np.where(rest.is_not_null(), category, -1))
    whole = np.full(len(urls), -1, np.int32)
    for form in (urls, _bare(address), _bare(plain)):
        whole = _first(whole, _category(_hashes(form), lists.urls))
    expression = np.full(len(urls), -1, np.int32)
    for number, pattern in lists.expressions:
        matched = address.str.contains(pattern).to_numpy()
        expression = _first(expression, np.where(matched, number, -1).astype(np.int32))
    any_of_them = _first(_first(on_host, above), _first(whole, expression))
    words = urls.str.replace_all(NO_WORD, " ").str.split(" ").list.unique()
    together = urls.str.replace_all(NO_WORD, "").str.to_lowercase()
    pieces = list(lists.words["pieces"])
    return pl.DataFrame(
        {
            "url": urls,
            "domain_listed": above >= 0,
            "host_listed": on_host >= 0,
            "url_listed": whole >= 0,
            "expression_listed": expression >= 0,
            "category": [lists.categories[one] if one >= 0 else "" for one in any_of_them.tolist()],
            "hard_words": _count(words, lists.words["hard"]),
            "soft_words": _count(words, lists.words["soft"]),
            "banned_subword": together.str.contains_any(pieces) if pieces else pl.repeat(False, len(urls), eager=True),
        },
        schema_overrides={"category": pl.String},
    )


def _count(words: pl.Series, listed: tuple[str, ...]) -> pl.Series:
    """How many of ``listed`` are among the words of each URL."""
    return words.list.set_intersection(pl.Series([list(listed)], dtype=pl.List(pl.String))).list.len().cast(pl.Int32)


def _bare(address: pl.Series) -> pl.Series:
    """An address as UT1 lists it: without ``www.`` and without a slash at the end."""
    return address.str.strip_prefix("www.").str.strip_chars_end("/")


def _first(one: npt.NDArray[np.int32], other: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """The lower of two categories, where -1 is none."""
    return np.where(one < 0, other, np.where(other < 0, one, np.minimum(one, other)))


def _category(
    hashes: npt.NDArray[np.uint64], listed: tuple[npt.NDArray[np.uint64], npt.NDArray[np.int32]]
) -> npt.NDArray[np.int32]:
    """The category of each hash, -1 for those that are not listed."""
    keys, categories = listed
    if not len(keys):
        return np.full(len(hashes), -1, np.int32)
    place = np.minimum(np.searchsorted(keys, hashes), len(keys) - 1)
    return np.where(keys[place] == hashes, categories[place], -1).astype(np.int32)


def _hashes(values: pl.Series) -> npt.NDArray[np.uint64]:
    """A 64-bit hash of each string, the same for equal strings within this process; 2**-64 of unequal pairs agree."""
    return values.fill_null("").hash().to_numpy()


def _listed(name: str, path: Path) -> UrlList:
    if not path.is_file():
        raise UsageError(f"{path}: there is no such word list")
    return UrlList(name=name, digest=digest_file(path), path=path)


def _files(folder: Path, categories: tuple[str, ...]) -> list[Path]:
    """The files of the chosen categories of a UT1 folder, sorted by category."""
    known = sorted({file.parent.name for name in FILES for file in folder.glob(f"*/{name}")})
    if not known:
        raise UsageError(
            f"{folder}: not a folder of blocklists; it should hold a folder for each category with files domains, "
            f"urls or expressions. UT1's are at {UT1}"
        )
    if unknown := sorted(set(categories) - set(known)):
        raise UsageError(f"{folder} has no category {unknown[0]!r}{did_you_mean(unknown[0], known)}")
    chosen = [name for name in known if not categories or name in categories]
    return [folder / name / kind for name in chosen for kind in FILES if (folder / name / kind).is_file()]


@lru_cache(maxsize=2)
def _load(config: UrlConfig) -> Lists:
    """Read the lists."""
    lists = config.lists
    for entry in lists:
        if not entry.path.is_file() or digest_file(entry.path) != entry.digest:
            raise UsageError(f"{entry.path}: the list {entry.name} is missing or not the one the config speaks of")
    categories = tuple(sorted({entry.name.partition("/")[0] for entry in lists if "/" in entry.name}))
    entries: dict[str, list[tuple[int, list[str]]]] = {kind: [] for kind in FILES}
    for entry in lists:
        category, _, kind = entry.name.partition("/")
        if kind:
            entries[kind].append((categories.index(category), _lines(entry.path)))
    return Lists(
        categories=categories,
        domains=_table([(number, list(map(plain_host, lines))) for number, lines in entries["domains"]]),
        urls=_table([(number, lines + _plain(lines)) for number, lines in entries["urls"]]),
        expressions=tuple((number, _expression(line)) for number, lines in entries["expressions"] for line in lines),
        words={entry.name: _words(_lines(entry.path)) for entry in lists if "/" not in entry.name},
    )


def _lines(path: Path) -> list[str]:
    """Entries of a list: stripped, without blank ones and comments. UT1 has some that are not UTF-8."""
    text = path.read_text(encoding="utf-8", errors="replace")
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


def _words(lines: Iterable[str]) -> tuple[str, ...]:
    """Listed words as upstream normalises them: ASCII letters and digits only, lower case."""
    series = pl.Series(list(lines), dtype=pl.String).str.replace_all(NO_WORD, "").str.to_lowercase()
    return tuple(series.filter(series != "").unique().sort().to_list())


def _plain(lines: list[str]) -> list[str]:
    """Listed URLs, with a scheme or without, in the form that :func:`_bare` gives plain ones."""
    urls = pl.Series([line if "://" in line else f"http://{line}" for line in lines], dtype=pl.String)
    return _bare(plain_urls(urls).drop_nulls().str.replace(ADDRESS, "")).to_list()


def _table(entries: list[tuple[int, list[str]]]) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int32]]:
    """Sorted hashes and the first category of each."""
    parts = [_hashes(pl.Series(lines, dtype=pl.String)) for _, lines in entries]
    if not parts:
        return np.zeros(0, np.uint64), np.zeros(0, np.int32)
    keys, first = np.unique(np.concatenate(parts), return_index=True)
    numbers = np.repeat([number for number, _ in entries], [len(part) for part in parts]).astype(np.int32)
    return keys, numbers[first]


def _expression(line: str) -> str:
    """A POSIX expression of squidGuard for polars, in any case. Raises :class:`UsageError` when it is none."""
    pattern = f"(?i){line}"
    try:
        pl.Series([""]).str.contains(pattern)
    except pl.exceptions.ComputeError as error:
        raise UsageError(f"the blocklist holds {line[:80]!r}, which is not a regular expression: {error}") from error
    return pattern
