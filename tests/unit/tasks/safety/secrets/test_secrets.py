"""Secrets: positives with their exact places, near-misses, evaded forms."""

import base64
import string

import pytest

from gristmill.schemas.findings import FindingKind
from gristmill.tasks.safety.secrets import assignments, kingfisher, private_keys, providers, urls
from tests.helpers.found import drawn, findings_in

DETECTORS = (
    *assignments.DETECTORS,
    *urls.DETECTORS,
    *private_keys.DETECTORS,
    *providers.DETECTORS,
    *kingfisher.DETECTORS,
)
BASE64 = string.ascii_letters + string.digits + "+/"
KEY, TOKEN, PASSWORD = FindingKind.API_KEY, FindingKind.ACCESS_TOKEN, FindingKind.PASSWORD
URL_PASSWORD, CONNECTION = FindingKind.URL_PASSWORD, FindingKind.CONNECTION_STRING


def found(text: str, least: float = 0.45) -> list[tuple[FindingKind, str]]:
    """Kind and text of each finding with a score of ``least`` or more."""
    return [(one.kind, text[one.start : one.end]) for one in findings_in(text, DETECTORS) if one.score >= least]


AWS = "AKIA" + drawn(16, string.ascii_uppercase + "234567")
GITHUB = "ghp_" + drawn(36)
LONG, HEX = drawn(32), drawn(32, "0123456789abcdef")


@pytest.mark.parametrize(
    ("before", "secret", "after", "kind"),
    [
        ('api_key = "', LONG, '"', KEY),
        ("'client_secret': '", LONG, "',", KEY),
        ("export DB_PASSWORD=", "hunter2sunshine!", "\n", PASSWORD),
        ('password: "', "Tr0ub4dor&3x", '"', PASSWORD),
        ("MY_API_TOKEN: ", drawn(40), "\n", TOKEN),
        ("数据库密码：", drawn(16), "，请勿外传", PASSWORD),
        ("账号 root 密码为 '", drawn(14), "'", PASSWORD),
        ("aws_secret_access_key = ", drawn(40, BASE64), "\n", KEY),
        ("key ", AWS, " of the account", KEY),
        ("腾讯云 ", "AKID" + drawn(32), "。", KEY),
        ("阿里云 ", "LTAI5t" + drawn(18), "。", KEY),
        ("机器人 ", "5829104736:AA" + drawn(33), " 已启用", TOKEN),
        ("AccountName=x;AccountKey=", drawn(86, BASE64) + "==", ";", KEY),
        ("Authorization: Bearer ", drawn(40), "\n", TOKEN),
        ("Authorization: Basic ", base64.b64encode(b"ada:Lovel4ce!").decode(), "\n", PASSWORD),
        ("git push ", GITHUB, " done", TOKEN),
        ("😀 令牌 ", GITHUB, " 😀", TOKEN),
        ("postgres://app:", "s3cr3tPw9x", "@db.internal.io:5432/app", CONNECTION),
        ("https://deploy:", drawn(12), "@git.acme.io/x.git", URL_PASSWORD),
        ("Server=db.acme.io;Database=a;User Id=sa;Password=", "Wq7!kz0pLm", ";", CONNECTION),
    ],
)
def test_found_where_it_stands(before: str, secret: str, after: str, kind: FindingKind) -> None:
    assert found(f"中文\n{before}{secret}{after}") == [(kind, secret)]


@pytest.mark.parametrize(
    "text",
    [
        'api_key = "YOUR_API_KEY"',
        'api_key = "your-api-key-goes-here"',
        'password = "${DB_PASSWORD}"',
        'password = "{{ vault_password }}"',
        "password=%s user=%s",
        "password = <password>",
        "password: ********",
        'password = "changeme123"',
        "token = request.headers.get('x')",
        "token: CancellationToken = default",
        "password = self.settings.password",
        'secret = "xxxxxxxxxxxxxxxxxxxxxxxx"',
        'token = "abcdefghijklmnop0123456789"',
        'token = "abcabcabcabcabcabc"',
        f'commit_token_sha = "{drawn(40, "0123456789abcdef")}"',
        f'password_hash = "{HEX}"',
        'session_token = "550e8400-e29b-41d4-a716-446655440000"',
        f"integrity sha512-{drawn(86, BASE64)}==",
        f"<img src='data:image/png;base64,{drawn(400, BASE64)}'>",
        f"csrf_token = '{LONG}'",
        f"PublicKeyToken={HEX}",
        "next_page_token = 'CAUQAA'",
        "function a(b,c){return b.token=c.map(function(d){return d.password||e})}",
        "AKIA is what the identifiers of AWS begin with, AKIAIOSFODNN7EXAMPLE for example",
        "Bearer authentication, bearer of good news, Authorization: Bearer <token>",
        "Authorization: Basic realm",
        "see https://web.archive.org:8080/@user and http://host:80/x@y",
        "ssh://git@github.com:acme/tool.git",
        "密码：请在登录页面重置",
        "The password is the key of the kingdom: tokens of trust.",
    ],
)
def test_left_alone(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    "text",
    ["postgres://postgres:postgres@db.acme.io/x", "redis://:hunter2abc@localhost:6379", "ftp://bob:password@acme.io"],
)
def test_passwords_of_examples_count_little(text: str) -> None:
    assert found(text) == []
    assert len(found(text, least=0)) == 1


def _block(what: str = "RSA PRIVATE KEY", separator: str = "\n", lines: int = 12, indent: str = "") -> str:
    body = separator.join(indent + drawn(64, BASE64, seed) for seed in range(lines))
    return f"-----BEGIN {what}-----{separator}{body}{separator}{indent}-----END {what}-----"


@pytest.mark.parametrize(
    "block",
    [
        _block(),
        _block("OPENSSH PRIVATE KEY"),
        _block("PRIVATE KEY"),
        _block(separator="\\n"),
        _block(separator='\\n" +\n"', indent=""),
        _block(separator="\n", indent="    "),
        _block(separator="\n> "),
        _block().replace("-----\n", "-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0AF1\n\n", 1),
        "AGE-SECRET-KEY-1" + drawn(58, "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L"),
    ],
)
def test_private_keys_are_found_whole(block: str) -> None:
    assert found(f"钥匙：{block} 之后") == [(FindingKind.PRIVATE_KEY, block)]


def test_a_private_key_without_its_end_goes_as_far_as_its_base64() -> None:
    block = _block().partition("\n-----END")[0]
    assert found(f"x {block}\n\n然后是正文") == [(FindingKind.PRIVATE_KEY, block)]


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN RSA PRIVATE KEY-----\n...\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\n" + "A" * 400 + "\n-----END PRIVATE KEY-----",
        _block("CERTIFICATE"),
        _block("PUBLIC KEY"),
        "starts with -----BEGIN RSA PRIVATE KEY----- and then come lines of base64",
    ],
)
def test_marks_without_a_key_stay(text: str) -> None:
    assert found(text) == []


def test_a_key_hidden_in_base64_is_found_as_the_base64() -> None:
    hidden = base64.b64encode(f"token={GITHUB} and so on".encode()).decode()
    assert [text for _, text in found(f'payload: "{hidden}" 完')] == [hidden]


def test_places_count_characters_and_not_bytes_behind_many_findings() -> None:
    keys = ["ghp_" + drawn(36, seed=seed) for seed in range(40)]
    text = "".join(f"第{place}把钥匙😀{key} " for place, key in enumerate(keys))
    assert [secret for _, secret in found(text)] == keys
