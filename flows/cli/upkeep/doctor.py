"""``doctor``: what is installed, what is missing, and what each missing thing costs."""

import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib import metadata

import typer

from gristmill.flows.cli.options import JsonOption
from gristmill.flows.cli.printing import print_json, screen
from gristmill.flows.sizes import size_text


@dataclass(frozen=True)
class Finding:
    """One thing checked. ``cost`` says what does not work without it; if it is ``optional``, the rest still works."""

    what: str
    ok: bool
    found: str
    cost: str
    optional: bool = False


PACKAGES: Mapping[str, str] = {
    "prefect": "nothing runs",
    "pyarrow": "nothing runs",
    "polars": "no signals",
    "numba": "no signals, no deduplication",
    "duckdb": "no warehouse, no deduplication",
    "great-expectations": "no gates, so no flow finishes",
    "fasttext-community": "no quality classifier",
    "resiliparse": "no text from HTML",
    "nicegui": "no dashboards",
    "torch": "no training, no evaluation (install as the Makefile does)",
    "transformers": "no training, no evaluation",
}

OPTIONAL_PACKAGES: dict[str, str] = {
    "trafilatura": "no --extractor trafilatura (pip install trafilatura)",
    "py3langid": "no second language detector, --detector both (pip install py3langid)",
    "jieba": "no words of Chinese: no zh-web, no fineweb2@… (pip install jieba)",
    "s3fs": "no inputs at s3:// (pip install 'gristmill[s3]')",
    "ray": "no --engine ray (pip install 'gristmill[ray]')",
}

PROGRAMS: Mapping[str, str] = {
    "chromium": "browser tests are skipped (apt-get install chromium)",
}


def doctor(json: JsonOption = False) -> None:
    """List what is installed, what is missing and what that costs, and which Prefect servers of lakes run. Exit code 1:
    something required is missing."""
    findings = [
        *packages(PACKAGES),
        language_model(),
        jail(),
        *packages(OPTIONAL_PACKAGES | of_languages(), optional=True),
        *programs(),
        *servers(),
    ]
    if json:
        print_json([asdict(finding) for finding in findings])
    else:
        show(findings)
    if not all(finding.ok or finding.optional for finding in findings):
        raise typer.Exit(1)


def show(findings: list[Finding]) -> None:
    """Required things in one table, optional ones in another."""
    from gristmill.flows.describe import table_of

    for title, optional in ((f"Python {sys.version.split()[0]}", False), ("Optional", True)):
        shown = [finding for finding in findings if finding.optional == optional]
        rows = [[f.what, "ok" if f.ok else "missing", f.found, "" if f.ok else f.cost] for f in shown]
        screen().print(table_of(title, ["what", "", "found", "without it"], rows))


def packages(costs: Mapping[str, str], *, optional: bool = False) -> Iterator[Finding]:
    """Which of these packages are installed, and their versions."""
    for name, cost in costs.items():
        try:
            yield Finding(name, True, metadata.version(name), cost, optional)
        except metadata.PackageNotFoundError:
            yield Finding(name, False, "", cost, optional)


def of_languages() -> dict[str, str]:
    """What each package costs that splits the words of a language."""
    from gristmill.tasks.tokenization.languages import LANGUAGES
    from gristmill.tasks.tokenization.segment import HINT

    return {
        package: f"no words of {language.name}, fineweb2@{language.code} ({HINT})"
        for language in LANGUAGES
        for package in language.splitter().packages
        if package not in OPTIONAL_PACKAGES
    }


def programs() -> Iterator[Finding]:
    """Programs of the system."""
    for name, cost in PROGRAMS.items():
        path = shutil.which(name) or ""
        yield Finding(name, bool(path), path, cost, True)


def servers() -> Iterator[Finding]:
    """The Prefect servers of lakes that run now."""
    from gristmill.flows.prefect.list import running_servers

    for server in running_servers():
        users = f"used by {', '.join(map(str, server.users))}" if server.users else "idle"
        found = f"pid {server.pid}, {size_text(server.memory)}, {users}"
        stray = f"{found}; its lake is gone or has another: kill {server.pid}"
        yield Finding(f"Prefect of {server.lake}", True, found if server.known else stray, "", True)


def language_model() -> Finding:
    """The language model file."""
    from gristmill.core.errors import GristmillError
    from gristmill.tasks.signals.language import language_config

    try:
        config = language_config()
    except GristmillError as error:
        return Finding("lid.176.ftz", False, str(error), "no language signal")
    return Finding("lid.176.ftz", True, config.model, "no language signal")


def jail() -> Finding:
    """Whether generated code can be run safely; tested by starting a jail."""
    from gristmill.evals.jail.capability import capability

    found = capability()
    return Finding("code jail", found.tier == "bubblewrap", found.tier, f"code suites are refused: {found.reason}")
