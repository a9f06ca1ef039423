"""The settings of a verb, merged: an option overrides ``--set``, ``--set`` overrides ``--config``, and ``--config``
overrides the default. An environment variable replaces a default.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_origin

import typer

from gristmill.core.errors import UsageError
from gristmill.flows.cli.flags import CONFIG, KEY, SET, Given

if TYPE_CHECKING:
    from pydantic import BaseModel

    from gristmill.core.config import Config

Settings = TypeVar("Settings", bound="Config")
Values = dict[str, Any]
Place = Callable[[Mapping[str, Any], Path], Values]
Choose = Callable[[Sequence[str], Any, Values], Any]


def as_it_is(values: Mapping[str, Any], folder: Path) -> Values:
    """For settings that do not name files."""
    return dict(values)


def as_given(path: Sequence[str], value: Any, described: Values) -> Any:
    """For options that override a settings file."""
    return value


def settings_of(
    context: typer.Context, model: type[Settings], place: Place = as_it_is, choose: Choose = as_given
) -> Settings:
    """The settings of the running verb.

    ``place`` resolves relative paths in a settings file against its folder, as in a pipeline file. ``choose`` gives the
    value of an option, from its path in the settings, what was given, and the values of the settings file.
    Raises :class:`UsageError` for a file that cannot be read, an unknown key and a wrong value.
    """
    given: Given = context.meta[KEY]
    values: Values = {}
    for option in given.options:
        if option.name in given.environment:
            put(values, option.path, given.values[option.name], option.flag.name)
    file = given.values[CONFIG]
    described: Values = {}
    if file is not None:
        described = place(read_settings(file, model), file.resolve().parent)
        values = merged(values, described)
    for words in given.values[SET] or ():
        path, value = parse_setting(words, model)
        put(values, path, value, f"--set {words}")
    for option in given.options:
        if option.name in given.flags:
            put(values, option.path, choose(option.path, given.values[option.name], described), option.flag.name)
    for option in given.options:
        if option.required and not holds(values, option.path):
            context.fail(f"Missing option '{option.flag.name}'.")
    return model.parse(values, str(context.info_name))


def read_settings(path: Path, model: "type[Config]") -> Values:
    """The values of a settings file. Raises :class:`UsageError` unless it is a YAML mapping of known keys."""
    from gristmill.core.config import read_yaml

    values = read_yaml(path)
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise UsageError(f"{path}: this file has no settings. Write one `key: value` a line.")
    refuse_unknown(values, model, str(path))
    return values


def parse_setting(words: str, model: "type[Config]") -> tuple[tuple[str, ...], Any]:
    """``dedup.threshold=0.8`` as a path and a value. Raises :class:`UsageError` for anything else."""
    from gristmill.core.config import parse_yaml

    key, separator, text = words.partition("=")
    path = tuple(part.strip() for part in key.split("."))
    if not separator or not all(path):
        raise UsageError(f"--set {words}: write KEY=VALUE, with dots between the parts of the key")
    value = parse_yaml(text, f"--set {words}")
    nested = value
    for name in reversed(path):
        nested = {name: nested}
    refuse_unknown(nested, model, "--set")
    return path, value


def refuse_unknown(values: Mapping[Any, Any], model: "type[BaseModel]", where: str, path: Sequence[str] = ()) -> None:
    """Raises :class:`UsageError` with the key that was probably meant."""
    from gristmill.core.config import did_you_mean, keys_at, model_in

    for key, value in values.items():
        name = str(key)
        if name not in model.model_fields:
            raise UsageError(f"{where}: {'.'.join((*path, name))}: unknown key{did_you_mean(name, keys_at(model, ()))}")
        annotation = model.model_fields[name].annotation
        inner = None if get_origin(annotation) in (tuple, list) else model_in(annotation)
        if isinstance(value, Mapping) and inner is not None:
            refuse_unknown(value, inner, where, (*path, name))


def put(values: Values, path: Sequence[str], value: Any, where: str) -> None:
    """Set a value inside nested mappings, created as needed. Raises :class:`UsageError` if a value on the way is not a
    mapping."""
    for name in path[:-1]:
        inner = values.get(name)
        if inner is not None and not isinstance(inner, dict):
            raise UsageError(f"{where}: {name} is {inner!r} already. Give {name} once, as key: value pairs.")
        values[name] = dict(inner or {})
        values = values[name]
    values[path[-1]] = value


def holds(values: Values, path: Sequence[str]) -> bool:
    """Whether something was given for the path."""
    found: Any = values
    for name in path:
        if not isinstance(found, dict) or name not in found:
            return False
        found = found[name]
    return True


def merged(under: Values, over: Values) -> Values:
    """Both mappings, where ``over`` overrides ``under`` key by key."""
    both = dict(under)
    for name, value in over.items():
        earlier = both.get(name)
        nested = isinstance(value, dict) and isinstance(earlier, dict)
        both[name] = merged(earlier, value) if nested and earlier is not None else value
    return both
