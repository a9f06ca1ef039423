"""The closed list of what a document may hold that policies, reviewers and redaction ask about, in four groups.

A finding (a row of ``spans``) has one of these kinds; ``detector`` says which rule found it, so ``national_id`` of
``checksum:us_ssn`` is a social security number. Policies, dashboards and docs take the list from here.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class FindingGroup(StrEnum):
    """What a finding is about: a person, a key, somebody's attack on the model, or harm to readers."""

    PERSONAL = "personal"
    SECRET = "secret"  # noqa: S105 - the name of a group
    ATTACK = "attack"
    HARM = "harm"


class FindingKind(StrEnum):
    """What was found."""

    EMAIL = "email"
    IP_ADDRESS = "ip_address"
    PHONE = "phone"
    BANK_CARD = "bank_card"
    IBAN = "iban"
    NATIONAL_ID = "national_id"
    PASSPORT = "passport"
    ORGANIZATION_ID = "organization_id"
    VEHICLE_PLATE = "vehicle_plate"
    WECHAT = "wechat"
    QQ = "qq"
    POSTAL_ADDRESS = "postal_address"
    BIRTH_DATE = "birth_date"
    PERSON_NAME = "person_name"

    API_KEY = "api_key"
    ACCESS_TOKEN = "access_token"  # noqa: S105
    PRIVATE_KEY = "private_key"
    PASSWORD = "password"  # noqa: S105
    URL_PASSWORD = "url_password"  # noqa: S105
    CONNECTION_STRING = "connection_string"

    HIDDEN_UNICODE = "hidden_unicode"
    BIDI_UNICODE = "bidi_unicode"
    HOMOGLYPH = "homoglyph"
    HIDDEN_TEXT = "hidden_text"
    PROMPT_INJECTION = "prompt_injection"
    KEYWORD_STUFFING = "keyword_stuffing"
    TRIGGER = "trigger"

    TOXICITY = "toxicity"
    HATE = "hate"
    SEXUAL = "sexual"
    VIOLENCE = "violence"
    SELF_HARM = "self_harm"
    DUAL_USE = "dual_use"

    @property
    def group(self) -> FindingGroup:
        """The group that the kind belongs to."""
        return next(group for group, kinds in GROUPS.items() if self in kinds)


_ORDER = tuple(FindingKind)
_FIRST_OF = (FindingKind.EMAIL, FindingKind.API_KEY, FindingKind.HIDDEN_UNICODE, FindingKind.TOXICITY)
_PLACES = (*(_ORDER.index(kind) for kind in _FIRST_OF), len(_ORDER))

GROUPS: Mapping[FindingGroup, tuple[FindingKind, ...]] = MappingProxyType(
    {group: _ORDER[first:end] for group, first, end in zip(FindingGroup, _PLACES[:-1], _PLACES[1:], strict=True)}
)
"""The kinds of each group, in the order of the list above."""
