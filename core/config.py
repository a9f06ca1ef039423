"""Frozen config models that refuse unknown keys with a "did you mean".

A config class stands beside the function it configures and inherits from :class:`Config`. Its JSON form is part of
the cache key of every step, so a field means something to the output or does not belong here.
"""

import difflib
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args, get_origin

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError

from gristmill.core.errors import UsageError
from gristmill.core.printable import checked_printable

#: Text that people are shown (see :mod:`gristmill.core.printable`, which the command line imports without pydantic).
Printable = Annotated[str, AfterValidator(checked_printable)]

UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)i?B?", re.IGNORECASE)


class Config(BaseModel):
    """Base of every config: frozen, no unknown keys, paths and sets in a stable JSON form."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    @classmethod
    def parse(cls, values: object, where: str) -> Self:
        """Validate ``values``. Raises :class:`UsageError` naming ``where``, each wrong key and the right one."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise UsageError(explain(error, cls, where)) from error

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a YAML file. Raises :class:`UsageError` for a missing file, wrong YAML or a wrong key."""
        return cls.parse(read_yaml(path), str(path))


class _RepeatedKeyError(Exception):
    """A mapping gives a key twice."""


class _EachKeyOnce(yaml.SafeLoader):
    """YAML forbids duplicate keys; PyYAML silently takes the last one."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        found: dict[tuple[str, str], yaml.ScalarNode] = {}
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and (first := found.setdefault((key.tag, key.value), key)) is not key:
                line, earlier = key.start_mark.line + 1, first.start_mark.line + 1
                raise _RepeatedKeyError(
                    f"line {line}: the key {key.value!r} is given twice (first in line {earlier}): keep one"
                )
        return node


def read_yaml(path: Path) -> Any:
    """The values of a YAML file. Raises :class:`UsageError` for a missing file, wrong YAML or a key given twice."""
    if not path.is_file():
        raise UsageError(f"{path}: there is no such file. Give the path of a YAML file.")
    try:
        text = path.read_text(encoding="utf-8")
    except ValueError as error:  # not UTF-8
        raise UsageError(f"{path}: this is not YAML: {error}") from error
    return parse_yaml(text, str(path))


def parse_yaml(text: str, where: str) -> Any:
    """The values of a YAML text. Raises :class:`UsageError` naming ``where`` for wrong YAML or a key given twice."""
    try:
        return yaml.load(text, Loader=_EachKeyOnce)  # noqa: S506 - a safe loader
    except _RepeatedKeyError as error:
        raise UsageError(f"{where}: {error}.") from error
    except RecursionError as error:
        raise UsageError(f"{where}: this is nested too deeply to be read.") from error
    except (yaml.YAMLError, ValueError) as error:  # an impossible date, a number with too many digits
        raise UsageError(f"{where}: this is not YAML: {error}") from error


def explain(error: ValidationError, model: type[BaseModel], where: str) -> str:
    """One line per fault: where it is, what is wrong, and the key that was probably meant."""
    lines = []
    faults = error.errors()
    for fault in faults:
        if fault["type"] == "too_short" and any(_inside(other["loc"], fault["loc"]) for other in faults):
            continue  # wrong entries are not counted: they were told above
        place = ".".join(str(part) for part in fault["loc"])
        message = fault["msg"].removeprefix("Value error, ")
        if fault["type"] == "extra_forbidden":
            message = "unknown key" + did_you_mean(str(fault["loc"][-1]), keys_at(model, fault["loc"][:-1]))
        elif fault["type"] in SHAPES:
            message = SHAPES[fault["type"]]
        elif fault["type"] == "too_short":
            message = f"give at least {fault['ctx']['min_length']}"
        elif fault["type"].startswith("union_tag"):
            place, message = f"{place}.{fault['ctx']['discriminator'].strip(chr(39))}", _wrong_tag(fault["ctx"])
        lines.append(": ".join(part for part in (where, place, message) if part))
    return "\n".join(lines)


SHAPES = dict.fromkeys(("list_type", "tuple_type", "set_type"), "this must be a list, such as [a, b]") | dict.fromkeys(
    ("dict_type", "model_type", "model_attributes_type"), "this must be keys and values, such as {key: value}"
)
"""What to say, in words of YAML, of a value of another shape, by pydantic's type of the fault."""

MOST_NAMED = 50
"""The most names that a hint lists: a suite has thousands of items."""


def did_you_mean(word: str, choices: list[str]) -> str:
    """`` (did you mean "x"?)`` for a near miss, else the possible choices, or the first few of a long list."""
    near = difflib.get_close_matches(word, choices, n=1, cutoff=0.6)
    if near:
        return f' (did you mean "{near[0]}"?)'
    more = f", and {len(choices) - MOST_NAMED} more" if len(choices) > MOST_NAMED else ""
    return f" (possible: {', '.join(sorted(choices)[:MOST_NAMED])}{more})" if choices else ""


def _inside(location: tuple[Any, ...], outer: tuple[Any, ...]) -> bool:
    return len(location) > len(outer) and location[: len(outer)] == outer


def _wrong_tag(context: dict[str, Any]) -> str:
    """What to say of a key that chooses between models, such as ``method``, and chooses none."""
    if "tag" not in context:
        return "this key is missing: it says which keys there are beside it"
    choices = [choice.strip("' ") for choice in context["expected_tags"].split(",")]
    return f"there is no {context['tag']!r}" + did_you_mean(context["tag"], choices)


def keys_at(model: type[BaseModel], location: tuple[Any, ...]) -> list[str]:
    """The field names of the model found by walking ``location`` down from ``model``; list indexes are skipped.

    Where a field chooses between models, the location holds the tag of the one that was chosen.
    """
    current: list[type[BaseModel]] = [model]
    for part in location:
        found = next((each.model_fields[part] for each in current if part in each.model_fields), None)
        if found is not None:
            current = models_in(found.annotation)
        elif isinstance(part, str):
            current = [each for each in current if _is_tagged(each, part)] or current[:1]
    return list(current[0].model_fields) if current else []


def _is_tagged(model: type[BaseModel], tag: str) -> bool:
    return any(
        tag in get_args(field.annotation)
        for field in model.model_fields.values()
        if get_origin(field.annotation) is Literal
    )


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """The pydantic models named in a type such as ``list[Rule]`` or ``Rule | None``, in their order."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in getattr(annotation, "__args__", ()) for model in models_in(argument)]


def model_in(annotation: Any) -> type[BaseModel] | None:
    """The first pydantic model named in a type such as ``list[Rule]`` or ``Rule | None``."""
    return next(iter(models_in(annotation)), None)


def parse_bytes(value: Any) -> int:
    """``2GiB``, ``512M``, ``1.5 TiB`` or a number of bytes; units are powers of 1024 with and without the ``i``.

    Raises ``ValueError`` for anything else.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    match = SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{value!r} is not a size: write a number with a unit, such as 2GiB or 512MiB")
    return int(float(match[1]) * UNITS[match[2].upper()])


Size = Annotated[int, BeforeValidator(parse_bytes)]
