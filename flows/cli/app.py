"""The command line: ``gristmill VERB``.

Exit codes: 0 done, 1 the work failed, 2 usage error, 3 a gate stopped it.

Results go to standard output, progress and errors to standard error. Verbs import what they need when they run, so
``gristmill --help`` answers at once.
"""

import atexit
import errno
import gc as collector
import os
import sys
from typing import NoReturn

import typer
from rich.console import Console

from gristmill.core.errors import GristmillError
from gristmill.core.printable import printable
from gristmill.flows.cli.accounts import adding, audit, listing, password, removing, role, sessions, token
from gristmill.flows.cli.classifier import score as classifier_score
from gristmill.flows.cli.classifier import train as classifier_train
from gristmill.flows.cli.data import bands, contamination, curate, mix, preflight, tokens, whatif, why
from gristmill.flows.cli.domains import cluster as domains_cluster
from gristmill.flows.cli.domains import show as domains_show
from gristmill.flows.cli.domains import train as domains_train
from gristmill.flows.cli.experiment import plan as experiment_plan
from gristmill.flows.cli.experiment import report as experiment_report
from gristmill.flows.cli.experiment import run as experiment_run
from gristmill.flows.cli.flags import with_settings
from gristmill.flows.cli.models import evaluate, grade, regrade, speed, submission, submit, train
from gristmill.flows.cli.pipeline import demo, run
from gristmill.flows.cli.results import compare, export, import_results, lineage, trace
from gristmill.flows.cli.review import agree, decide, import_, list_, sample, show, sign_off
from gristmill.flows.cli.review import export as review_export
from gristmill.flows.cli.safety import rights as safety_rights
from gristmill.flows.cli.safety import scan
from gristmill.flows.cli.safety import train as safety_train
from gristmill.flows.cli.service import dashboard, query, serve
from gristmill.flows.cli.upkeep import doctor, gc, rebuild, takedown, verify

INTERRUPTED = 130
STOPPED = "gristmill: stopped. Finished work is kept; the same command resumes from there."
JOBS_GO_ON = "Training jobs and trials that were running go on by themselves; the same command follows them again."
WITH_JOBS = ("mix", "train", "experiment", "run", "demo")

# Set before numpy, torch, transformers or Prefect are imported: no spinning threads (they slow a busy machine up to
# twelvefold), no look-ups of model hubs, no telemetry, and our own error messages instead of logged tracebacks.
ENVIRONMENT = {
    "OMP_WAIT_POLICY": "PASSIVE",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "DO_NOT_TRACK": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "GX_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
}

# Python's garbage collector runs after every 700 or 2,000 new objects, and importing creates some hundred thousand that
# all live: a quarter of the start-up time. Garbage kept longer is small, since texts and columns are not in cycles.
OBJECTS_BETWEEN_COLLECTIONS = 50_000

app = typer.Typer(
    name="gristmill",
    help="From crawled text to training data, trained language models, and scores with error bars.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

warehouse_app = typer.Typer(help="The DuckDB warehouse.", no_args_is_help=True)
warehouse_app.command("rebuild")(rebuild.rebuild)

classifier_app = typer.Typer(help="A quality classifier from good and bad texts.", no_args_is_help=True)
classifier_app.command(cls=with_settings(classifier_train.settings_model))(classifier_train.train)
classifier_app.command(cls=with_settings(classifier_score.settings_model))(classifier_score.score)

experiment_app = typer.Typer(help="Experiments: which data moved which score.", no_args_is_help=True)
experiment_app.command()(experiment_plan.plan)
experiment_app.command()(experiment_run.run)
experiment_app.command()(experiment_report.report)
domains_app = typer.Typer(help="Domains for mixing: by rules, topics and clusters.", no_args_is_help=True)
domains_app.command()(domains_show.show)
domains_app.command(cls=with_settings(domains_train.settings_model))(domains_train.train)
domains_app.command()(domains_cluster.cluster)

review_app = typer.Typer(help="People's decisions about doubtful documents, and signatures.", no_args_is_help=True)
review_app.command("list")(list_.list_)
review_app.command()(show.show)
review_app.command()(decide.decide)
review_app.command()(sample.sample)
review_app.command()(agree.agree)
review_app.command("sign-off")(sign_off.sign_off)
review_app.command("export")(review_export.export)
review_app.command("import")(import_.import_)

safety_app = typer.Typer(help="Harm, rights and what a corpus may not contain.", no_args_is_help=True)
safety_app.command(cls=with_settings(safety_train.settings_model))(safety_train.train)
safety_app.command()(safety_rights.rights)

tokens_app = typer.Typer(
    help="The tokens of a mix: what the tokenizer made of the text, and files for trainers.", no_args_is_help=True
)
tokens_app.command()(tokens.report)
tokens_app.command()(tokens.export)

accounts_app = typer.Typer(help="Who may sign in to the dashboards, and what they did.", no_args_is_help=True)
accounts_app.command("add")(adding.add)
accounts_app.command("list")(listing.list_accounts)
accounts_app.command("role")(role.role)
accounts_app.command("password")(password.password)
accounts_app.command("remove")(removing.remove)
accounts_app.command("sessions")(sessions.sessions)
accounts_app.command("token")(token.token)
accounts_app.command("audit")(audit.audit)

app.command(cls=with_settings(demo.settings_model))(demo.demo)
app.command()(run.run)
app.command(cls=with_settings(curate.settings_model))(curate.curate)
app.command(cls=with_settings(preflight.settings_model))(preflight.preflight)
app.command()(bands.bands)
app.command(cls=with_settings(mix.settings_model))(mix.mix)
app.command(cls=with_settings(train.settings_model))(train.train)
app.command(cls=with_settings(submission.settings_model))(evaluate.evaluate)
app.command(cls=with_settings(submission.settings_model))(submit.submit)
app.command(cls=with_settings(grade.settings_model))(grade.grade)
app.command(cls=with_settings(regrade.settings_model))(regrade.regrade)
app.command()(compare.compare)
app.command(cls=with_settings(contamination.settings_model))(contamination.contamination)
app.command()(lineage.lineage)
app.command()(trace.trace)
app.command()(scan.scan)
app.command(cls=with_settings(speed.settings_model))(speed.speed)
app.command(cls=with_settings(export.settings_model))(export.export)
app.command()(import_results.import_results)
app.command()(why.why)
app.command()(whatif.whatif)
app.command()(query.query)
app.command()(verify.verify)
app.command()(gc.gc)
app.command()(takedown.takedown)
app.add_typer(domains_app, name="domains")
app.add_typer(review_app, name="review")
app.add_typer(experiment_app, name="experiment")
app.add_typer(tokens_app, name="tokens")
app.add_typer(classifier_app, name="classifier")
app.add_typer(safety_app, name="safety")
app.add_typer(warehouse_app, name="warehouse")
app.add_typer(accounts_app, name="accounts")
app.command()(dashboard.dashboard)
app.command()(serve.serve)
app.command()(doctor.doctor)


def main() -> None:
    """Run the command line and turn what a user can fix into a message and an exit code."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    collector.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    atexit.register(silence_teardown)  # registered first, so it runs after every other exit handler
    try:
        app(prog_name="gristmill")
    except GristmillError as error:
        fail(str(error), error.exit_code)
    except OSError as error:
        told = told_of(error)
        if told is None:
            raise
        fail(told, GristmillError.exit_code)
    except Exception as error:
        ours = error_behind(error)
        if ours is None:
            raise
        fail(*ours)
    except SystemExit as end:
        if end.code == INTERRUPTED:  # Typer exits with this code after a KeyboardInterrupt, without a word
            told = f"{STOPPED} {JOBS_GO_ON}" if sys.argv[1:2] and sys.argv[1] in WITH_JOBS else STOPPED
            Console(stderr=True).print(told, soft_wrap=True)
        raise


def fail(why: str, code: int) -> NoReturn:
    """Print why, and exit with ``code``."""
    told = f"gristmill: {printable(why)}"
    Console(stderr=True).print(told, style="red", markup=False, highlight=False, soft_wrap=True)
    sys.exit(code)


def told_of(error: OSError) -> str | None:
    """The message for a disk or permission error; None for any other error, which is a bug of ours."""
    place = error.filename if error.filename is not None else "a file"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        where = "" if error.filename is None else f"{error.filename}: "
        return (
            f"{where}the disk is full. Finished work is kept: free some space (the lake's disk, or that of temporary "
            "files) and run the same command again; it resumes there."
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{place}: {error.strerror}. Check who owns it and its mode, then run the same command again."
    if error.errno == errno.EIO:
        return f"{place}: the disk cannot read it. Check the disk; `gristmill verify` lists what is damaged in a lake."
    return None


def error_behind(error: Exception) -> tuple[str, int] | None:
    """The message and exit code of the error that Prefect's client was about to report when its server failed it.

    On a full disk the server cannot record that a run failed, and its answer would bury why. None for any other error.
    """
    if not type(error).__module__.startswith(("prefect.", "httpx")):
        return None
    behind = error.__cause__ or error.__context__
    while behind is not None:
        if isinstance(behind, GristmillError):
            return str(behind), behind.exit_code
        if isinstance(behind, OSError) and (told := told_of(behind)) is not None:
            return told, GristmillError.exit_code
        behind = behind.__cause__ or behind.__context__
    return None


def silence_teardown() -> None:
    """Close standard error at the very end of the process.

    DuckDB's binding (nanobind) reports every object still alive at interpreter exit as a "leak", in some hundred lines.
    The process is over; the list would only bury the command's own output.
    """
    sys.stderr.flush()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


if __name__ == "__main__":
    main()
