"""``doctor``: what is installed, what is missing, and what each missing thing costs."""

import shutil
import sys
from dataclasses import asdict, dataclass
from importlib import metadata

import typer

from flows.commands.options import JsonOption, print_json, screen


@dataclass(frozen=True)
class Finding:
    """One thing looked at. ``cost`` says what does not work without it."""

    what: str
    ok: bool
    found: str
    cost: str


PACKAGES: dict[str, str] = {
    "prefect": "nothing runs",
    "pyarrow": "nothing runs",
    "polars": "no signals",
    "duckdb": "no warehouse, no deduplication",
    "great-expectations": "no gates, so no flow finishes",
    "fasttext-community": "no language signal",
    "resiliparse": "no text from HTML",
    "nicegui": "no dashboards",
    "torch": "no training, no evaluation (install as the Makefile does)",
    "transformers": "no training, no evaluation",
}


def doctor(json: JsonOption = False) -> None:
    """Say what is installed, what is missing, and what each missing thing costs."""
    findings = [*packages(), language_model(), jail(), browser()]
    if json:
        print_json([asdict(finding) for finding in findings])
    else:
        from flows.describe import table_of

        rows = [[f.what, "ok" if f.ok else "missing", f.found, "" if f.ok else f.cost] for f in findings]
        screen().print(table_of(f"Python {sys.version.split()[0]}", ["what", "", "found", "without it"], rows))
    if not all(finding.ok for finding in findings if finding.what != "chromium"):
        raise typer.Exit(1)


def packages() -> list[Finding]:
    """The packages Gristmill stands on."""
    findings = []
    for name, cost in PACKAGES.items():
        try:
            findings.append(Finding(name, True, metadata.version(name), cost))
        except metadata.PackageNotFoundError:
            findings.append(Finding(name, False, "", cost))
    return findings


def language_model() -> Finding:
    """The language model file."""
    from schemas.errors import GristmillError
    from tasks.language import language_config

    try:
        config = language_config()
    except GristmillError as error:
        return Finding("lid.176.ftz", False, str(error), "no language signal")
    return Finding("lid.176.ftz", True, config.model, "no language signal")


def jail() -> Finding:
    """Whether generated code can be run safely; found out by starting a jail."""
    from evals.jail.capability import capability

    found = capability()
    return Finding("code jail", found.tier == "bubblewrap", found.tier, f"code suites are refused: {found.reason}")


def browser() -> Finding:
    """Chromium, which only the browser tests need."""
    path = shutil.which("chromium") or ""
    return Finding("chromium", bool(path), path, "browser tests are skipped (apt-get install chromium)")
