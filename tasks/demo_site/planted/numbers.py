"""Numbers and keys with the right check digits, in ranges that belong to nobody as far as there are such ranges.

E-mail: a domain of ours that is not registered. IPv4: 192.88.99.0/24, given back in 2015 (RFC 7526); IPv6: 2d00::/8,
not allocated. Phones: 555-01xx is for films; mainland China keeps no such range, so the numbers are of the segment of
the operator's own hotline. Cards: 400000, an issuer that only tests use, and UnionPay's published test issuer. 身份证:
births of 1901 to 1909. Social security: area numbers that had not been given out when areas were given up in 2011.
IBAN, GitHub and AWS keys: random, with valid check digits; a real one by chance has odds below one in 10**15.
"""

import string
import zlib
from collections.abc import Callable
from random import Random

DIGITS = string.digits
BASE32 = string.ascii_uppercase + "234567"
BASE62 = DIGITS + string.ascii_uppercase + string.ascii_lowercase
USCC = "0123456789ABCDEFGHJKLMNPQRTUWXY"
DOMAINS = ("planted-by-gristmill.org", "gristmill-nobody.cn", "mail.gristmill-nobody.com")

Make = Callable[[Random], str]


def pick(rng: Random, alphabet: str, n: int) -> str:
    """``n`` characters of an alphabet."""
    return "".join(rng.choice(alphabet) for _ in range(n))


def email(rng: Random) -> str:
    """A name and two digits at a domain of nobody's."""
    return f"{rng.choice(('mara', 'tomas', 'wei.lin', 'jo_hart'))}{pick(rng, DIGITS, 2)}@{rng.choice(DOMAINS)}"


def email_with_tag(rng: Random) -> str:
    """With a plus and in capitals, as forms keep it."""
    return f"{pick(rng, string.ascii_uppercase, 6)}+{pick(rng, DIGITS, 3)}@{rng.choice(DOMAINS).title()}"


def ipv4(rng: Random) -> str:
    """192.88.99.x."""
    return f"192.88.99.{rng.randint(2, 254)}"


def ipv6(rng: Random) -> str:
    """2d00::/8, all groups written."""
    return "2d00:" + ":".join(f"{rng.randint(0x1000, 0xFFFF):x}" for _ in range(7))


def us_phone(rng: Random) -> str:
    """(area) 555-01xx."""
    return f"({rng.choice(('212', '415', '617'))}) 555-01{pick(rng, DIGITS, 2)}"


def world_phone(rng: Random) -> str:
    """A London number for films, as it is written abroad."""
    return f"+44 20 7946 0{pick(rng, DIGITS, 3)}"


def cn_mobile(rng: Random) -> str:
    """Eleven digits."""
    return f"13800138{pick(rng, DIGITS, 3)}"


def cn_mobile_grouped(rng: Random) -> str:
    """With country code and groups."""
    return f"+86 138 0013 8{pick(rng, DIGITS, 3)}"


def luhn(digits: str) -> str:
    """The digits with their check digit (ISO/IEC 7812-1)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        twice = int(digit) * (2 if place % 2 == 0 else 1)
        total += twice - 9 if twice > 9 else twice
    return digits + str(-total % 10)


def card(rng: Random) -> str:
    """Sixteen digits."""
    return luhn("400000" + pick(rng, DIGITS, 9))


def unionpay(rng: Random) -> str:
    """Nineteen digits in groups of four."""
    number = luhn("621626" + pick(rng, DIGITS, 12))
    return " ".join(number[at : at + 4] for at in range(0, 19, 4))


def grouped_card(rng: Random) -> str:
    """Sixteen digits with hyphens."""
    number = card(rng)
    return "-".join(number[at : at + 4] for at in range(0, 16, 4))


def iban(rng: Random) -> str:
    """A British one of a bank that does not exist."""
    account = "ZZZZ" + pick(rng, DIGITS, 14)
    digits = "".join(str(int(character, 36)) for character in account + "GB00")
    return f"GB{98 - int(digits) % 97:02d}{account}"


def grouped_iban(rng: Random) -> str:
    """The same in groups of four."""
    number = iban(rng)
    return " ".join(number[at : at + 4] for at in range(0, len(number), 4))


def cn_identity(rng: Random) -> str:
    """身份证, 18 digits (GB 11643-1999)."""
    region = rng.choice(("110101", "310101", "120101"))
    body = f"{region}{rng.randint(1901, 1909)}{rng.randint(1, 12):02d}{rng.randint(1, 28):02d}{pick(rng, DIGITS, 3)}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return body + "10X98765432"[sum(int(digit) * weight for digit, weight in zip(body, weights, strict=True)) % 11]


def social_security(rng: Random) -> str:
    """Area, group and serial of a US number."""
    return f"{rng.randint(734, 749)}-{rng.randint(1, 99):02d}-{rng.randint(1, 9999):04d}"


def cn_passport(rng: Random) -> str:
    """E and eight digits."""
    return "E" + pick(rng, DIGITS, 8)


def us_passport(rng: Random) -> str:
    """Nine digits that begin with 9, which no book has."""
    return "9" + pick(rng, DIGITS, 8)


def credit_code(rng: Random) -> str:
    """统一社会信用代码, 18 characters (GB 32100-2015, with GB 11714 inside)."""
    body = "MA" + pick(rng, DIGITS, 6)
    weights = (3, 7, 9, 10, 5, 8, 4, 2)
    rest = 11 - sum(int(c, 36) * w for c, w in zip(body, weights, strict=True)) % 11
    whole = "91" + "310101" + body + {10: "X", 11: "0"}.get(rest, str(rest))
    total = sum(USCC.index(c) * (3**place % 31) for place, c in enumerate(whole))
    return whole + USCC[-total % 31]


def plate(rng: Random) -> str:
    """A plate of Beijing or Shanghai."""
    return f"{rng.choice('京沪')}{rng.choice('ABCEF')}{pick(rng, 'ABCDEFGHJKLMNPQRSTUVWXYZ', 1)}{pick(rng, DIGITS, 4)}"


def new_energy_plate(rng: Random) -> str:
    """Six characters after the letter, with the dot of a real plate."""
    return f"粤B·D{pick(rng, DIGITS, 5)}"


def wechat(rng: Random) -> str:
    """As the service gives them."""
    return "wxid_" + pick(rng, string.ascii_lowercase + DIGITS, 14)


def chosen_wechat(rng: Random) -> str:
    """As people choose them."""
    return f"{rng.choice(('haibian', 'xiaomo', 'qiutian'))}_{pick(rng, DIGITS, 5)}"


def qq(rng: Random) -> str:
    """Ten digits."""
    return "39" + pick(rng, DIGITS, 8)


def aws_key(rng: Random) -> str:
    """An access key id."""
    return "AKIA" + pick(rng, BASE32, 16)


def github_token(rng: Random) -> str:
    """A personal access token with its checksum: CRC-32 in base 62."""
    body = pick(rng, BASE62, 30)
    check, left = "", zlib.crc32(body.encode())
    while left:
        check, left = BASE62[left % 62] + check, left // 62
    return "ghp_" + body + check.rjust(6, "0")


def slack_token(rng: Random) -> str:
    """A token of a bot."""
    return f"xoxb-{pick(rng, '123456789', 12)}-{pick(rng, '123456789', 13)}-{pick(rng, BASE62, 24)}"


def bearer_token(rng: Random) -> str:
    """A token of three parts, signed by nobody."""
    return f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI{pick(rng, BASE62, 24)}.{pick(rng, BASE62, 43)}"


def private_key(rng: Random) -> str:
    """The frame of a key around random bytes."""
    lines = "\n".join(pick(rng, BASE62 + "+/", 64) for _ in range(6))
    return f"-----BEGIN RSA PRIVATE KEY-----\nMII{lines}\n-----END RSA PRIVATE KEY-----"


def openssh_key(rng: Random) -> str:
    """The frame of OpenSSH."""
    lines = "\n".join(pick(rng, BASE62 + "+/", 70) for _ in range(5))
    return f"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA{lines}\n-----END OPENSSH PRIVATE KEY-----"


def password(rng: Random) -> str:
    """Letters, digits and marks."""
    return pick(rng, BASE62, 9) + rng.choice("#%+") + pick(rng, BASE62, 4)
