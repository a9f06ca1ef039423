"""National identifiers by their check digits (python-stdnum), and by words where a check is weak.

``bare`` is the score of a number in the form in which it is usually written and that stands alone; 0 means that the
check is so weak (one or two digits over a run of nine to twelve) that a word must say what it is. Chinese identifiers
are in :mod:`gristmill.tasks.safety.personal.chinese`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from gristmill.schemas.findings import FindingKind
from gristmill.tasks.safety.finding import Detector
from gristmill.tasks.safety.personal.rules import LEFT, RIGHT, NumberRule, digits_of, labelled


@dataclass(frozen=True)
class NationalId:
    """An identifier: the country's code and its name there, its form, what checks it, and the scores of a rule."""

    code: str
    form: str
    words: tuple[str, ...]
    bare: float
    labelled: float = 0.95
    check: str = ""
    seen: str = ""
    """What Hyperscan looks for where a bare number counts."""


def _nino(number: str) -> bool:
    """HMRC's rules: no D, F, I, Q, U, V in front, no O in second place, and not the prefixes that are not given out."""
    return re.fullmatch(r"(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][0-9]{6}[A-D]", number) is not None


def _checked(name: str) -> Callable[[str], bool]:
    """``is_valid`` of a module of stdnum, imported when it is first asked."""

    def valid(number: str) -> bool:
        written = digits_of(number)
        return len(set(written)) > 2 and bool(import_module(f"stdnum.{name}").is_valid(written))

    return valid


def _dashed(name: str) -> Callable[[str], bool]:
    """The same for modules that need the sign between the parts (it tells the century)."""
    return lambda number: bool(import_module(f"stdnum.{name}").is_valid(number))


S = r"[ .\-/\n]?"
NINE = rf"[0-9]{{3}}{S}[0-9]{{3}}{S}[0-9]{{3}}"
ELEVEN = rf"[0-9]{{2}}{S}[0-9]{{3}}{S}[0-9]{{3}}{S}[0-9]{{3}}|[0-9]{{11}}|[0-9]{{6}}[ \-][0-9]{{5}}"
IDS: tuple[NationalId, ...] = (
    NationalId(
        "us_ssn",
        r"[0-9]{3}-[0-9]{2}-[0-9]{4}",
        ("ssn", "social security", "social security number", "soc sec", "social", "taxpayer"),
        0.75,
        0.97,
        "us.ssn",
        r"[0-9]{3}-[0-9]{2}-[0-9]{4}",
    ),
    NationalId(
        "us_ssn_split",
        rf"[0-9]{{3}}{S}[0-9]{{2}}{S}[0-9]{{4}}",
        ("ssn", "social security", "social security number"),
        0,
        0.9,
        "us.ssn",
    ),
    NationalId(
        "uk_nino",
        rf"[A-Za-z]{{2}}{S}[0-9]{{2}}{S}[0-9]{{2}}{S}[0-9]{{2}}{S}[A-Da-d]",
        ("nino", "national insurance", "ni number", "ni no", "hmrc", "insurance number"),
        0.75,
        0.97,
        "",
        r"\b[A-Z]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]\b",
    ),
    NationalId("uk_nhs", rf"[0-9]{{3}}{S}[0-9]{{3}}{S}[0-9]{{4}}", ("nhs", "nhs number", "nhs no"), 0, 0.9, "gb.nhs"),
    NationalId(
        "fr_nir",
        rf"[1-478]{S}[0-9]{{2}}{S}[0-9]{{2}}{S}[0-9][0-9AB]{S}[0-9]{{3}}{S}[0-9]{{3}}{S}[0-9]{{2}}",
        ("nir", "insee", "sécurité sociale", "securite sociale", "numéro de sécurité", "social security", "vitale"),
        0.85,
        0.97,
        "fr.nir",
        r"\b[1-478] ?[0-9]{2} ?[01][0-9] ?[0-9][0-9AB] ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}\b",
    ),
    NationalId(
        "es_dni",
        rf"[0-9]{{2}}{S}[0-9]{{3}}{S}[0-9]{{3}}[ \-]?[A-Za-z]",
        ("dni", "nif", "documento nacional"),
        0,
        0.95,
        "es.dni",
    ),
    NationalId(
        "es_nie", r"[XYZxyz][ \-]?[0-9]{7}[ \-]?[A-Za-z]", ("nie", "extranjero", "extranjeros"), 0, 0.95, "es.nie"
    ),
    NationalId(
        "it_codice_fiscale",
        r"[A-Za-z]{3}[ ]?[A-Za-z]{3}[ ]?[0-9]{2}[A-EHLMPRSTa-ehlmprst][0-9]{2}[ ]?[A-Za-z][0-9]{3}[A-Za-z]",
        ("codice fiscale", "cod fisc", "c.f", "cf"),
        0.9,
        0.98,
        "it.codicefiscale",
        r"\b[A-Z]{6}[0-9]{2}[A-EHLMPRST][0-9]{2}[A-Z][0-9]{3}[A-Z]\b",
    ),
    NationalId(
        "de_tax_id",
        ELEVEN,
        (
            "steuer-id",
            "steuer id",
            "steueridentifikationsnummer",
            "steuer-identifikationsnummer",
            "idnr",
            "identifikationsnummer",
            "tin",
        ),
        0,
        0.95,
        "de.idnr",
    ),
    NationalId("nl_bsn", NINE, ("bsn", "burgerservicenummer", "sofinummer", "sofi"), 0, 0.95, "nl.bsn"),
    NationalId(
        "br_cpf",
        r"[0-9]{3}\.?[0-9]{3}\.?[0-9]{3}[\-/ ]?[0-9]{2}",
        ("cpf", "cadastro de pessoas"),
        0,
        0.97,
        "br.cpf",
    ),
    NationalId(
        "br_cpf_written",
        r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}",
        ("cpf",),
        0.9,
        0.97,
        "br.cpf",
        r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}",
    ),
    NationalId(
        "in_aadhaar",
        rf"[2-9][0-9]{{3}}{S}[0-9]{{4}}{S}[0-9]{{4}}",
        ("aadhaar", "aadhar", "uidai", "uid", "आधार"),
        0,
        0.95,
        "in_.aadhaar",
    ),
    NationalId(
        "in_pan",
        r"[A-Z]{3}[ABCFGHJLPT][A-Z][0-9]{4}[A-Z]",
        ("pan", "pan card", "permanent account number", "income tax"),
        0,
        0.9,
        "in_.pan",
    ),
    NationalId("pl_pesel", r"[0-9]{11}", ("pesel",), 0, 0.97, "pl.pesel"),
    NationalId(
        "se_personnummer",
        r"(?:[0-9]{2})?[0-9]{6}[\-+][0-9]{4}",
        ("personnummer", "personnr", "pnr"),
        0.5,
        0.97,
        "se.personnummer",
        r"\b[0-9]{6,8}[\-+][0-9]{4}\b",
    ),
    NationalId(
        "kr_rrn",
        r"[0-9]{6}-[1-8][0-9]{6}",
        ("주민등록번호", "주민번호", "rrn", "resident registration"),
        0.8,
        0.97,
        "kr.rrn",
        r"\b[0-9]{6}-[1-8][0-9]{6}\b",
    ),
    NationalId(
        "ca_sin",
        NINE,
        ("sin", "social insurance", "social insurance number", "numéro d'assurance sociale"),
        0,
        0.95,
        "ca.sin",
    ),
    NationalId("au_tfn", NINE, ("tfn", "tax file number", "tax file"), 0, 0.95, "au.tfn"),
    NationalId(
        "fi_hetu",
        r"[0-9]{6}[\-+A][0-9]{3}[0-9A-Y]",
        ("hetu", "henkilötunnus", "henkilotunnus"),
        0.6,
        0.97,
        "fi.hetu",
        r"\b[0-9]{6}[\-+A][0-9]{3}[0-9A-Y]\b",
    ),
    NationalId("dk_cpr", r"[0-9]{6}[ \-]?[0-9]{4}", ("cpr", "cpr-nr", "cpr-nummer", "personnummer"), 0, 0.9, "dk.cpr"),
    NationalId(
        "no_fodselsnummer",
        r"[0-9]{6}[ ]?[0-9]{5}",
        ("fødselsnummer", "fodselsnummer", "personnummer", "fnr"),
        0,
        0.97,
        "no.fodselsnummer",
    ),
    NationalId(
        "be_nn",
        r"[0-9]{2}\.?[0-9]{2}\.?[0-9]{2}-?[0-9]{3}\.?[0-9]{2}",
        ("rijksregister", "rijksregisternummer", "registre national", "niss", "insz"),
        0,
        0.97,
        "be.nn",
    ),
    NationalId("tr_tckimlik", r"[1-9][0-9]{10}", ("tc kimlik", "kimlik", "tckn", "t.c"), 0, 0.95, "tr.tckimlik"),
    NationalId("ro_cnp", r"[1-8][0-9]{12}", ("cnp", "cod numeric personal"), 0, 0.97, "ro.cnp"),
    NationalId(
        "za_id",
        r"[0-9]{6}[ ]?[0-9]{4}[ ]?[0-9]{3}",
        ("id number", "identity number", "south african id", "sa id"),
        0,
        0.9,
        "za.idnr",
    ),
    NationalId(
        "mx_curp",
        r"[A-Z]{4}[0-9]{6}[HM][A-Z]{5}[0-9A-Z][0-9]",
        ("curp",),
        0.9,
        0.98,
        "mx.curp",
        r"\b[A-Z]{4}[0-9]{6}[HM][A-Z]{5}[0-9A-Z][0-9]\b",
    ),
)
_SIGNED = ("se.personnummer", "fi.hetu", "kr.rrn")


def _rule(entry: NationalId) -> NumberRule:
    valid = _checked(entry.check) if entry.check not in _SIGNED else _dashed(entry.check)
    first = "[0-9A-Z]" if entry.code in ("uk_nino", "es_nie", "it_codice_fiscale", "in_pan", "mx_curp") else "[0-9]"
    return NumberRule(
        f"checksum:{entry.code}",
        1,
        FindingKind.NATIONAL_ID,
        (*labelled(entry.words, first), *((entry.seen,) if entry.seen else ())),
        re.compile(f"{LEFT}(?:{entry.form}){RIGHT}"),
        valid if entry.check else lambda number: _nino(digits_of(number)),
        entry.words,
        entry.bare,
        entry.labelled,
    )


DETECTORS: tuple[Detector, ...] = tuple(_rule(entry).detector() for entry in IDS)
