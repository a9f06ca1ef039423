"""Options generated from a settings model: one for each field with a :class:`~gristmill.core.flag.Flag`.

The field defines the option's name, help, type, bounds and default. The model is imported when the options of the verb
are first asked for, so that ``gristmill --help`` imports none.
"""

import inspect
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

import typer
from typer.core import TyperCommand

from gristmill.core.flag import Flag

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from gristmill.core.config import Config

KEY = "gristmill.settings"
"""Where a context keeps the given values; see :mod:`gristmill.flows.cli.layers`."""
CONFIG, SET = "settings_file", "settings_values"
UNITS = ("", "KiB", "MiB", "GiB", "TiB")


@dataclass(frozen=True)
class FieldOption:
    """A field of a settings model and its option. ``path`` are the names that lead to it from the model."""

    path: tuple[str, ...]
    flag: Flag
    field: "FieldInfo"
    optional: bool
    """Whether it is inside a part of the settings that is off by default."""

    @property
    def name(self) -> str:
        """The name of the parameter."""
        return "_".join(("settings", *self.path))

    @property
    def required(self) -> bool:
        """Whether a flag, ``--set`` or ``--config`` has to give it."""
        return self.flag.required or (self.field.is_required() and not self.optional)

    def parameter(self) -> inspect.Parameter:
        """The function parameter from which Typer makes the option."""
        kind, default = _kind(self.field), None if self.required or self.optional else _default(self.field)
        # Required values are checked when flags, --set and --config are merged, not by Typer.
        told = (self.flag.help or self.field.description or "") + ("  [required]" if self.required else "")
        least, most = _bounds(self.field) if kind in (int, float) else (None, None)
        option = typer.Option(self.flag.name, help=told, min=least, max=most, envvar=self.flag.env or None)
        annotation = kind if kind is bool or default is not None else kind | None
        return _parameter(self.name, Annotated[annotation, option], default)


def field_options(model: "type[Config]", path: tuple[str, ...] = (), optional: bool = False) -> Iterator[FieldOption]:
    """The fields of a model that have an option, including those of nested models, in the model's order."""
    from gristmill.core.config import Config

    for name, field in model.model_fields.items():
        flag = next((mark for mark in field.metadata if isinstance(mark, Flag)), None)
        kind, off = _without_none(field.annotation)
        if flag is not None:
            yield FieldOption((*path, name), flag, field, optional)
        elif isinstance(kind, type) and issubclass(kind, Config):
            yield from field_options(kind, (*path, name), optional or off)


@dataclass(frozen=True)
class Given:
    """What the user gave: option values by parameter name, and where each came from."""

    options: tuple[FieldOption, ...]
    values: dict[str, Any]
    flags: frozenset[str]
    environment: frozenset[str]


class SettingsCommand(TyperCommand):
    """A verb whose options are those of its function and of a settings model."""

    _params: list[Any]
    _settings: list[Any]
    _fields: tuple[FieldOption, ...]

    @staticmethod
    def model() -> "type[Config]":
        """The settings model of the verb; see :func:`with_settings`."""
        raise NotImplementedError

    @property
    def params(self) -> list[Any]:
        """The options of the model, and those of the function. One list, which Typer puts ``--help`` into."""
        if not self._settings:
            self._fields = tuple(field_options(self.model()))
            self._settings = _options([*(field.parameter() for field in self._fields), _config(), _set()])
            self._params[:0] = self._settings
        return self._params

    @params.setter
    def params(self, own: list[Any]) -> None:
        self._params = own
        self._settings = []
        self._fields = ()

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments; those of the model are kept in the context and not passed to the function."""
        rest = super().parse_args(ctx, args)
        names = [str(option.name) for option in self._settings]
        sources = {name: source.name for name in names if (source := ctx.get_parameter_source(name)) is not None}
        ctx.meta[KEY] = Given(
            self._fields,
            {name: ctx.params.pop(name) for name in names},
            frozenset(name for name, source in sources.items() if source == "COMMANDLINE"),
            frozenset(name for name, source in sources.items() if source == "ENVIRONMENT"),
        )
        return rest


def with_settings(load: "Callable[[], type[Config]]") -> type[SettingsCommand]:
    """A command class with the options of the model that ``load`` imports."""

    class Command(SettingsCommand):
        model = staticmethod(load)

    return Command


def _config() -> inspect.Parameter:
    option = typer.Option("--config", help="Settings of this verb (YAML). Options and --set come before them.")
    return _parameter(CONFIG, Annotated[Path | None, option], None)


def _set() -> inspect.Parameter:
    told = "A setting as KEY=VALUE: the key has dots between its parts, the value is YAML; repeatable."
    return _parameter(SET, Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help=told)], None)


def _parameter(name: str, annotation: object, default: object) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _options(parameters: list[inspect.Parameter]) -> list[Any]:
    """The options that Typer makes of a function with these parameters."""

    def verb() -> None: ...

    verb.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    verb.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command()(verb)
    return list(typer.main.get_command(app).params)


def _without_none(annotation: Any) -> tuple[Any, bool]:
    """A type without ``| None``, and whether it had that."""
    if get_origin(annotation) in (Union, types.UnionType):
        kinds = [kind for kind in get_args(annotation) if kind is not types.NoneType]
        return (kinds[0] if len(kinds) == 1 else annotation), len(kinds) < len(get_args(annotation))
    return annotation, False


def _kind(field: "FieldInfo") -> Any:
    """The type of an option: sizes, choices and models become text, several values a list of text."""
    kind, _ = _without_none(field.annotation)
    if get_origin(kind) in (tuple, list):
        return list[str]
    return kind if kind in (bool, int, float, Path) and not _is_size(field) else str


def _is_size(field: "FieldInfo") -> bool:
    from pydantic import BeforeValidator

    from gristmill.core.config import parse_bytes

    return any(isinstance(mark, BeforeValidator) and mark.func is parse_bytes for mark in field.metadata)


def _default(field: "FieldInfo") -> Any:
    """The default as ``--help`` shows it; None where there is nothing to show."""
    default = field.get_default()
    if _is_size(field):
        return _size(default)
    return default if isinstance(default, (bool, int, float, str)) else None


def _size(count: int) -> str:
    """A round number of bytes as people write it: ``256MiB``."""
    unit = 0
    while count and count % 1024 == 0 and unit < len(UNITS) - 1:
        count, unit = count // 1024, unit + 1
    return f"{count}{UNITS[unit]}"


def _bounds(field: "FieldInfo") -> tuple[float | None, float | None]:
    """The least and the greatest number that the field takes; none where a bound is itself refused (``gt``, ``lt``),
    which an option cannot say."""
    if any(hasattr(mark, "gt") or hasattr(mark, "lt") for mark in field.metadata):
        return None, None
    least = next((mark.ge for mark in field.metadata if hasattr(mark, "ge")), None)
    most = next((mark.le for mark in field.metadata if hasattr(mark, "le")), None)
    return least, most
