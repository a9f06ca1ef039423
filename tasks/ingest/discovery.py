"""Finding input files: paths, folders, globs and addresses become a sorted list of files, and a list of what was not
taken, with the reason.

Names are relative to the folder that was given (or to the part of a glob before its first wildcard), so they do not
depend on where the folder is; two files that would have one name are distinguished by the folders above them
(``gristmill.tasks.ingest.names``). Files elsewhere are named by their address
(``gristmill.tasks.ingest.remote.listing``), those of Common Crawl by their path in it. A file that several inputs or
links lead to is one file. Cost: reads every local file once for its digest; asks servers about the others.
"""

import os
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from gristmill.core.config import did_you_mean
from gristmill.core.errors import UsageError
from gristmill.tasks.ingest.folders import Candidate, Look, Skipped, matches, names_in, not_a_file
from gristmill.tasks.ingest.ingest import columns_problem
from gristmill.tasks.ingest.names import distinct_names, escape_name, unescape_name
from gristmill.tasks.ingest.readers.items import ReadOptions
from gristmill.tasks.ingest.readers.kinds import kind_of
from gristmill.tasks.ingest.readers.reasons import Reason
from gristmill.tasks.ingest.remote.listing import list_remote
from gristmill.tasks.ingest.remote.reach import refuse_unreachable
from gristmill.tasks.ingest.remote.state import RemoteConfig
from gristmill.tasks.ingest.sources import InputFile

READABLE = "WARC, WET, ARC, WACZ, JSON Lines, Parquet, CSV, TSV, plain text, Markdown and HTML, also compressed"
SHOWN_SKIPPED = 20
#: The columns of a folder with fewer files than this are checked before a run begins.
LOOKED_AT = 20


@dataclass(frozen=True)
class InputList:
    """Files to read, by name; files found and left out, by name; and for each input as given the names of its
    files: empty for one that could not be read."""

    files: tuple[InputFile, ...]
    skipped: tuple[Skipped, ...]
    given: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def lost(self, unread: Collection[str]) -> tuple[str, ...]:
        """The inputs of which nothing was read, when ``unread`` are the names of files that could not be read."""
        return tuple(given for given, names in self.given if all(name in unread for name in names))

    def skipped_lines(self) -> list[str]:
        """Lines for people: one for each file left out, up to a limit, then how many more."""
        lines = [f"not read: {file.name}: {file.detail}" for file in self.skipped[:SHOWN_SKIPPED]]
        more = len(self.skipped) - SHOWN_SKIPPED
        return [*lines, f"not read: {more:,} more files"] if more > 0 else lines


def find_inputs(
    inputs: Sequence[str],
    downloads: Path | None = None,
    remote: RemoteConfig | None = None,
    *,
    follow_links: bool = False,
    allow_unread: bool = False,
) -> InputList:
    """Every readable file under ``inputs``: paths of files or folders, globs (``**`` too), addresses with ``://``.

    A file with exactly the given name is taken before the name is tried as a glob; a name may be written
    as messages show it (``caf\\xe9.warc``). ``downloads`` is ingest's folder, where workers and runs agree on the pace
    of web servers. ``follow_links``: also links that lead out of a given folder.
    ``allow_unread``: a file that cannot be read is left out with its reason instead of being an error.

    Raises :class:`UsageError` with the hint for: nothing given, a path that does not exist, a glob that matches
    nothing, a folder without any readable file, a file of unknown kind given by name, a file that may not be read,
    an address that stands for nothing or needs a package, and two different files of one address.
    Raises :class:`gristmill.core.errors.GristmillError` when a server keeps failing.
    """
    if not inputs:
        raise UsageError("no input was given: name files, folders or globs (quoted).")
    search = _Search(follow_links, allow_unread)
    elsewhere: dict[str, InputFile] = {}
    skipped: list[Skipped] = []
    given: list[tuple[str, list[Candidate] | list[str]]] = []
    for words in inputs:
        if _is_address(words):
            with tempfile.TemporaryDirectory(prefix="gristmill-") as folder:
                listed = list_remote(words, remote or RemoteConfig(), downloads or Path(folder))
            skipped += listed.skipped
            for name, file in listed.files:
                found = InputFile.remote(file, name)
                _same(elsewhere.setdefault(name, found), found)
            given.append((escape_name(words), [name for name, _ in listed.files]))
        else:
            given.append((escape_name(words), search.expand(words.removeprefix("file://"))))
    here, names = search.files()
    files = sorted([*elsewhere.values(), *here], key=lambda file: file.name)
    if not files:
        raise UsageError(f"nothing of {', '.join(words for words, _ in given)} could be read.")
    skipped = sorted({*skipped, *search.skipped()}, key=lambda file: (file.name, file.reason, file.detail))
    by_words = tuple(
        (words, tuple(sorted({item if isinstance(item, str) else names[item.real] for item in found})))
        for words, found in given
    )
    return InputList(tuple(files), tuple(skipped), by_words)


def refuse_missing(
    inputs: Sequence[str], options: ReadOptions | None = None, *, follow_links: bool = False, allow_unread: bool = False
) -> None:
    """Raise what :func:`find_inputs` would for an input that does not exist or has nothing to read.

    With ``options`` also raise :class:`gristmill.tasks.ingest.readers.rows.columns.ColumnsError` for an input of which
    no file has the columns to read it by.

    Cost: a list of the files of each folder, and a look at the beginnings of the first few; one request an address
    (``gristmill.tasks.ingest.remote.reach``).
    """
    search = _Search(follow_links, allow_unread, most=LOOKED_AT)
    for words in inputs:
        if not _is_address(words):
            found = search.expand(words.removeprefix("file://"))
            if options is not None and not allow_unread and len(found) < LOOKED_AT:
                _refuse_columns(found, options)
    refuse_unreachable([words for words in inputs if _is_address(words)])


def _refuse_columns(found: Sequence[Candidate], options: ReadOptions) -> None:
    """Raises for files that will all be set aside, since none has the columns."""
    first: UsageError | None = None
    for candidate in found:
        with _readable(candidate.path):
            problem = columns_problem(candidate.path, escape_name(candidate.name), options)
        if problem is None:
            return
        first = first or problem
    if first is not None:
        raise first


def _is_address(words: str) -> bool:
    return "://" in words and not words.startswith("file://")


def _same(known: InputFile, found: InputFile) -> None:
    if known.digest != found.digest:
        raise UsageError(
            f"two different inputs are called {known.name!r}: {known.where} and {found.where}. Read them in two runs."
        )


@dataclass
class _Search:
    """Files of this machine that were found, whatever number of inputs led to each.

    ``most``: of each input so many files are enough.
    """

    follow_links: bool
    allow_unread: bool
    most: int | None = None
    found: dict[Path, Candidate] = field(default_factory=dict)
    left_out: dict[Path, Skipped] = field(default_factory=dict)

    def expand(self, given: str) -> list[Candidate]:
        """The files of one input. Raises :class:`UsageError` for one that gives nothing."""
        if not given.strip():
            raise UsageError("an input is empty: name a file, a folder or a glob.")
        path = _named(given)
        shown = escape_name(given)
        if path is None:
            return self._glob(given, shown)
        with _readable(path):
            what = not_a_file(path)
            if what is not None:
                raise UsageError(f"{shown}: this is {what}, not a file. Write what it gives to a file and name that.")
            look = Look(path if path.is_dir() else path.parent, self.follow_links, self.allow_unread)
            if path.is_dir():
                look.folder(path)
                return self._take(look, f"the folder {shown}")
        candidate = Candidate(path, path.name, Path(os.path.realpath(path)))
        if not self._accept(candidate, look, by_name=True):
            self.left_out |= look.skipped
            return []
        return [candidate]

    def _glob(self, given: str, shown: str) -> list[Candidate]:
        path = _expand_user(given)
        base, matched = matches(path) if any(letter in given for letter in "*?[") else (path, None)
        if matched is None:
            raise UsageError(_missing(path, shown))
        if not matched:
            raise UsageError(f"{shown}: nothing matches this pattern.")
        look = Look(base, self.follow_links, self.allow_unread)
        for match in sorted(matched, key=lambda match: match.is_symlink()):  # a file's own name before that of a link
            with _readable(match):
                look.match(match)
        return self._take(look, f"what matches {shown}")

    def _take(self, look: Look, what: str) -> list[Candidate]:
        """Of what was found the files of a kind that is read. Raises :class:`UsageError` when there is none."""
        readable = (candidate for candidate in look.files if self._accept(candidate, look, by_name=False))
        taken = list(islice(readable, self.most))
        self.left_out |= look.skipped
        if not taken and not self.allow_unread:
            seen = sorted(look.skipped.values(), key=lambda file: file.name)
            such = f" ({len(seen)} other files were seen, such as {seen[0].name}: {seen[0].detail})" if seen else ""
            raise UsageError(f"{what} has no file that can be read{such}. Kinds that are read: {READABLE}.")
        return taken

    def _accept(self, candidate: Candidate, look: Look, *, by_name: bool) -> bool:
        """Whether a file is of a kind that is read; if not it is remembered, or an error where it was named itself."""
        known = self.found.get(candidate.real)
        if known is None:
            shown = escape_name(str(candidate.path))
            try:
                with _readable(candidate.path):
                    kind, reason, detail = kind_of(candidate.path, escape_name(candidate.name))
                if kind is None and by_name:
                    raise UsageError(f"{shown}: this file cannot be read: {detail}. Kinds that are read: {READABLE}.")
            except UsageError as error:
                if not self.allow_unread:
                    raise
                kind, reason, detail = None, Reason.FORBIDDEN if error.__cause__ else reason, str(error)
            if kind is None:
                look.skip(candidate.path, reason, detail)
                return False
        if known is None or _preference(candidate) < _preference(known):
            self.found[candidate.real] = candidate
        return True

    def files(self) -> tuple[list[InputFile], dict[Path, str]]:
        """The files, and their names by path."""
        candidates = list(self.found.values())
        names = distinct_names([(entry.name, entry.path.absolute()) for entry in candidates])
        files = []
        for entry, name in zip(candidates, names, strict=True):
            with _readable(entry.path):
                files.append(InputFile.local(entry.path, escape_name(name)))
        return files, {entry.real: file.name for entry, file in zip(candidates, files, strict=True)}

    def skipped(self) -> list[Skipped]:
        """What was left out and not taken under another input."""
        taken = {entry.path.absolute() for entry in self.found.values()}
        return [file for path, file in self.left_out.items() if path not in taken]


def _preference(candidate: Candidate) -> tuple[bool, int, str]:
    """Of several names for one file the first is used: one without links, the longest, the first in order."""
    return candidate.linked, -len(candidate.name), candidate.name


def _named(given: str) -> Path | None:
    """The path that is there under this name: as it is, with ``~`` for the home, or as :func:`escape_name` shows it."""
    for path in (Path(given), _expand_user(given), Path(unescape_name(given))):
        with _readable(path):
            if path.exists():
                return path
    return None


def _expand_user(given: str) -> Path:
    """The path with its ``~``, where there is such a user."""
    try:
        return Path(given).expanduser()
    except RuntimeError:
        return Path(given)


def _missing(path: Path, given: str) -> str:
    """What is wrong with a path that is not there: the first part of it that is missing, and the nearest name."""
    present = path.absolute()
    missing = present.name
    while not present.exists() and present != present.parent:
        missing, present = present.name, present.parent
    shown = escape_name(str(present))
    if (present / missing).is_symlink():
        return f"{given}: {missing!r} in {shown} is a link that leads nowhere."
    if not present.is_dir():
        return f"{given}: {shown} is a file, not a folder."
    with _readable(present):
        names = [escape_name(name) for name in names_in(present)]
    hint = did_you_mean(escape_name(missing), names)
    near = hint if "did you mean" in hint else f" ({shown} has {len(names)} other names)"
    return f"{given}: there is no {escape_name(missing)!r} in {shown}{near}."


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turns an ``OSError`` about ``path`` into a :class:`UsageError` that says what to do."""
    shown = escape_name(str(path))
    try:
        yield
    except PermissionError as error:
        raise UsageError(f"{shown}: you may not read this. Change its permissions (chmod) or leave it out.") from error
    except OSError as error:
        raise UsageError(f"{shown}: this cannot be read: {error.strerror or error}.") from error
