"""Passwords in URLs and in connection strings.

``scheme://user:password@host``: the span is the password. Of a database or a queue it is a ``connection_string``, of
anything else a ``url_password``. So is ``Password=...`` among the ``Key=value;`` pairs of an ADO or ODBC string, and
``AccountKey=...``. Placeholders stay; a password that everyone uses in examples, and any on this machine or a reserved
host, count with a low score. Cost: a window of 256 characters around each place where the prefilter found one.
"""

import re
from collections.abc import Iterator

from gristmill.schemas.findings import FindingKind
from gristmill.tasks.safety.finding import Detector, Finding
from gristmill.tasks.safety.secrets.placeholders import is_placeholder
from gristmill.tasks.safety.secrets.rarity import rarity

STORES = frozenset(
    [
        "postgres",
        "postgresql",
        "mysql",
        "mariadb",
        "mongodb",
        "mongodb+srv",
        "redis",
        "rediss",
        "amqp",
        "amqps",
        "mssql",
        "sqlserver",
        "oracle",
        "clickhouse",
        "cockroachdb",
        "couchdb",
        "cassandra",
        "neo4j",
        "bolt",
        "kafka",
        "nats",
        "mqtt",
        "mqtts",
        "ldap",
        "ldaps",
        "influxdb",
        "snowflake",
        "tidb",
    ]
)
URL = re.compile(
    r"(?<![A-Za-z0-9+.-])(?P<scheme>[A-Za-z][A-Za-z0-9+.-]{1,24})://(?P<user>[^\s/:@\"'<>`]{0,64}):"
    r"(?P<password>[^\s/@\"'<>`]{3,128})@(?P<host>\[[0-9A-Fa-f:.]+\]|[\w.-]+)"
)
PAIRS = re.compile(
    r"(?:(?:Server|Data Source|Host|Driver|Provider|DSN|Uid|User Id|AccountName|EndpointSuffix)\s?=[^;\n\"']{1,128};)"
    r"(?:[^;\n\"'=]{1,40}=[^;\n\"']{0,128};){0,8}?\s?(?:Password|Pwd|AccountKey|SharedAccessKey)\s?="
    r"(?P<password>[^;\s\"'<>]{3,128})",
    re.IGNORECASE,
)
COMMON = frozenset(
    [
        "password",
        "passwd",
        "pass",
        "pwd",
        "secret",
        "root",
        "admin",
        "administrator",
        "test",
        "guest",
        "user",
        "username",
        "postgres",
        "mysql",
        "mongo",
        "redis",
        "rabbitmq",
        "example",
        "123",
        "1234",
        "12345",
        "123456",
        "abc",
        "foo",
        "bar",
        "baz",
        "qux",
        "pw",
        "pass123",
        "password123",
        "changeme",
        "bob",
        "alice",
    ]
)
LOCAL = re.compile(
    r"(?:localhost|127\.[\d.]+|0\.0\.0\.0|\[::1\]|.*\.?example(?:\.(?:com|net|org))?|.*\.(?:test|invalid|local)|host|"
    r"hostname|server|db|database|proxy|domain(?:\.com)?)",
    re.IGNORECASE,
)
FULL, PAIRED, COMMON_SCORE, LOCAL_SCORE = 0.9, 0.97, 0.2, 0.4
RARE = 0.8  # rarity from which not even a local host makes a password harmless


def url_passwords(text: str, start: int, end: int) -> Iterator[Finding]:
    """Passwords between ``:`` and ``@`` of a URL."""
    for match in URL.finditer(text, start, end):
        password = match["password"]
        if is_placeholder(password) or (password.isdigit() and len(password) <= 5):
            continue
        kind = (
            FindingKind.CONNECTION_STRING
            if match["scheme"].lower().partition("+")[0] in STORES or match["scheme"].lower() in STORES
            else FindingKind.URL_PASSWORD
        )
        score = _score(password, match["user"], match["host"])
        yield Finding(match.start("password"), match.end("password"), kind, score, URL_PASSWORD.name)


def connection_strings(text: str, start: int, end: int) -> Iterator[Finding]:
    """Passwords among the pairs of a connection string."""
    for match in PAIRS.finditer(text, start, end):
        password = match["password"]
        if not is_placeholder(password):
            score = COMMON_SCORE if password.lower() in COMMON else PAIRED
            yield Finding(
                match.start("password"), match.end("password"), FindingKind.CONNECTION_STRING, score, PAIR_PASSWORD.name
            )


def _score(password: str, user: str, host: str) -> float:
    if rarity(password) >= RARE:
        return FULL
    if password.lower() in COMMON or password.lower() == user.lower():
        return COMMON_SCORE
    return LOCAL_SCORE if LOCAL.fullmatch(host) else FULL


URL_PASSWORD = Detector(
    "secret:url_password",
    1,
    (FindingKind.URL_PASSWORD, FindingKind.CONNECTION_STRING),
    (r"://[^\s/:@\"'<>`]{0,64}:[^\s/@\"'<>`]{3,128}@",),
    url_passwords,
    reach=(280, 128),
)
PAIR_PASSWORD = Detector(
    "secret:connection_string",
    1,
    (FindingKind.CONNECTION_STRING,),
    (r"(?i);\s?(?:password|pwd|accountkey|sharedaccesskey)\s?=[^;\s\"'<>]{3}",),
    connection_strings,
    reach=(1200, 160),
)
DETECTORS = (URL_PASSWORD, PAIR_PASSWORD)
