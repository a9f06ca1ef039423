"""The environment of a lake's Prefect server, and of the processes that talk to it."""

from collections.abc import Mapping
from pathlib import Path

from gristmill.flows.prefect.guard import allowed

# No telemetry, no look-ups of outside hosts and a short log, unless the environment asks for more.
QUIET = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_LOGGING_LEVEL": "WARNING",
    "PREFECT_LOGGING_SERVER_LEVEL": "WARNING",
    "PREFECT_CLI_PROMPT": "false",
}
ALWAYS = {"PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false"}

# Runs waiting for a place under a concurrency limit ask again after this many seconds instead of 30; each time is a row
# of the server's database, and an evaluation may take hours.
SLOT_WAIT = "PREFECT_SERVER_DEPLOYMENTS_CONCURRENCY_SLOT_WAIT_SECONDS"
SOON = {SLOT_WAIT: "10"}

# What a local server takes from its user's environment: only what restricts its use, logs more, or says how
# often it looks.
CORS_ORIGINS = ("PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS", "PREFECT_SERVER_CORS_ALLOWED_ORIGINS")
TAKEN_OVER = (
    "PREFECT_SERVER_API_CSRF_TOKEN_EXPIRATION",
    "PREFECT_SERVER_CSRF_TOKEN_EXPIRATION",
    "PREFECT_SERVER_UI_API_URL",
    "PREFECT_SERVER_LOGGING_LEVEL",
    SLOT_WAIT,
    *QUIET,
)

OURS = "GRISTMILL_PREFECT_API_URL"
"""Names the address in ``PREFECT_API_URL`` that was put there by this module and not by the user."""


def server_environment(user: Mapping[str, str], folder: Path, url: str, credential: str) -> dict[str, str]:
    """The environment of a local server: the user's without what is Prefect's, but for ``TAKEN_OVER``; closed to
    everyone who has no credential, and to pages of other origins."""
    own = {str(origin) for origin in allowed(int(url.removesuffix("/api").rpartition(":")[2])).origins}
    asked = {origin.strip() for name in CORS_ORIGINS for origin in user.get(name, "").split(",")} - {"", "*"}
    return (
        {name: value for name, value in user.items() if not name.startswith("PREFECT_")}
        | QUIET
        | SOON
        | {"PREFECT_SERVER_UI_API_URL": url}
        | {name: user[name] for name in TAKEN_OVER if name in user}
        | ALWAYS
        | {
            "PREFECT_HOME": str(folder),
            "PREFECT_SERVER_API_AUTH_STRING": credential,
            "PREFECT_SERVER_API_CSRF_PROTECTION_ENABLED": "true",
            CORS_ORIGINS[0]: ",".join(sorted(own | asked)),
        }
    )


def client_environment(folder: Path, url: str, credential: str | None) -> dict[str, str]:
    """What a process that talks to the server at ``url`` has in its environment; without a ``credential`` the user's
    own stays."""
    told = ALWAYS | {"PREFECT_API_URL": url, "PREFECT_HOME": str(folder)}
    if credential is None:
        return told
    return told | {OURS: url, "PREFECT_API_AUTH_STRING": credential, "PREFECT_CLIENT_CSRF_SUPPORT_ENABLED": "true"}
