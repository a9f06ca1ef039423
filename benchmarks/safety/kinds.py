"""What the labels of the data sets and of the peers are called here, and what has no counterpart.

A value of None means: the label says something that no kind of ours means. Of a peer, such findings are left out. In a
data set, a finding of ours that overlaps such a label is left out of precision where ``NEAR`` says that the two may
mean the same place (a city name inside of an address).
"""

from collections.abc import Mapping

from gristmill.schemas.findings import FindingGroup, FindingKind

SECRET = "secret"  # noqa: S105  # the name of a kind
"""All kinds of secrets as one: scanners of secrets sort them in their own ways."""

PLANTED: Mapping[str, str] = {
    "EMAIL": "email",
    "IPV4": "ip_address",
    "IPV6": "ip_address",
    "CREDIT_CARD": "bank_card",
    "IBAN": "iban",
    "PHONE_US": "phone",
    "CN_MOBILE": "phone",
    "US_SSN": "national_id",
    "CN_ID": "national_id",
    "PERSON": "person_name",
    "ADDRESS": "postal_address",
    "AWS_ACCESS_KEY": SECRET,
}
"""Labels of ``pii/planted_pii``. ``US_SSN`` is what Faker calls ``ssn`` of the locale: in French texts the NIR, in
German ones a number of the social security; neither has the form of a US one."""

PRESIDIO_SYNTH: Mapping[str, str | None] = {
    "EMAIL_ADDRESS": "email",
    "IP_ADDRESS": "ip_address",
    "CREDIT_CARD": "bank_card",
    "IBAN_CODE": "iban",
    "PHONE_NUMBER": "phone",
    "US_SSN": "national_id",
    "PERSON": "person_name",
    "STREET_ADDRESS": "postal_address",
    "GPE": None,
    "ZIP_CODE": None,
    "DATE_TIME": None,
    "AGE": None,
    "TITLE": None,
    "NRP": None,
    "ORGANIZATION": None,
    "DOMAIN_NAME": None,
    "US_DRIVER_LICENSE": None,
}
"""Labels of ``pii/presidio_synth_v2``. A street address with the place and the code that follow it is one address."""

NEAR: Mapping[str, frozenset[str]] = {
    "postal_address": frozenset({"GPE", "ZIP_CODE", "ORGANIZATION"}),
    "birth_date": frozenset({"DATE_TIME"}),
    "person_name": frozenset({"TITLE"}),
}

_NATIONAL = "national_id"
PEERS: Mapping[str, Mapping[str, str]] = {
    "presidio": {
        "EMAIL_ADDRESS": "email",
        "IP_ADDRESS": "ip_address",
        "PHONE_NUMBER": "phone",
        "CREDIT_CARD": "bank_card",
        "IBAN_CODE": "iban",
        "US_SSN": _NATIONAL,
        "US_ITIN": _NATIONAL,
        "UK_NHS": _NATIONAL,
        "UK_NINO": _NATIONAL,
        "AU_TFN": _NATIONAL,
        "AU_MEDICARE": _NATIONAL,
        "IN_AADHAAR": _NATIONAL,
        "IN_PAN": _NATIONAL,
        "SG_NRIC_FIN": _NATIONAL,
        "ES_NIF": _NATIONAL,
        "ES_NIE": _NATIONAL,
        "IT_FISCAL_CODE": _NATIONAL,
        "PL_PESEL": _NATIONAL,
        "KR_RRN": _NATIONAL,
        "FI_PERSONAL_IDENTITY_CODE": _NATIONAL,
        "CA_SIN": _NATIONAL,
        "US_PASSPORT": "passport",
        "IN_PASSPORT": "passport",
        "IN_VEHICLE_REGISTRATION": "vehicle_plate",
        "AU_ABN": "organization_id",
        "AU_ACN": "organization_id",
    },
    "scrubadub": {
        "email": "email",
        "phone": "phone",
        "credit_card": "bank_card",
        "social_security_number": _NATIONAL,
        "national_insurance_number": _NATIONAL,
        "tax_reference_number": _NATIONAL,
        "date_of_birth": "birth_date",
        "vehicle_licence_plate": "vehicle_plate",
        "credential": SECRET,
    },
    "datatrove": {"email": "email", "ip": "ip_address"},
    "dolma": {"EMAIL_ADDRESS": "email", "PHONE_NUMBER": "phone", "IP_ADDRESS": "ip_address"},
    "jionlp": {
        "email": "email",
        "id_card": _NATIONAL,
        "ip_address": "ip_address",
        "phone": "phone",
        "qq": "qq",
        "wechat": "wechat",
        "licence_plate": "vehicle_plate",
    },
}
"""Of peers that find personal data: their label to our kind. What is missing, such as ``URL``, has no kind here."""

SECRET_SCANNERS = ("dolma-secrets", "betterleaks", "kingfisher")
"""Peers all of whose findings are secrets."""

OURS = "gristmill"


def kinds_of(engine: str, label: str) -> tuple[str, ...]:
    """What an engine's label counts as: none, one, or for our secrets the kind and ``secret``."""
    if engine == OURS:
        kind = FindingKind(label)
        return (kind.value, SECRET) if kind.group is FindingGroup.SECRET else (kind.value,)
    if engine in SECRET_SCANNERS:
        return (SECRET,)
    found = PEERS[engine].get(label)
    return (found,) if found else ()


def known(engine: str) -> frozenset[str]:
    """The kinds that an engine can find."""
    if engine == OURS:
        return frozenset({*(kind.value for kind in FindingKind), SECRET})
    return frozenset({SECRET}) if engine in SECRET_SCANNERS else frozenset(PEERS[engine].values())
