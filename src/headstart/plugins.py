"""Own: kinds of task and of arm that a user wrote in a folder of their own, found by the name in their yaml.

A class in `own/tasks/*.py` or `own/arms/*.py` of the current directory that says `kind: Literal["mine"]` is
what `kind: mine` means. Files are only parsed to find out what they declare; a file is run when its kind is
asked for, and then the digest of its code becomes the setting `code`, so that changed code is another run.
"""

from __future__ import annotations

import ast
import hashlib
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Union, get_args

from pydantic import AfterValidator, Field, GetCoreSchemaHandler, TypeAdapter, ValidationError, create_model
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from headstart.config import Config, Open, nearest
from headstart.errors import HeadstartError

FOLDER = "own"


@dataclass(frozen=True)
class Declared:
    """A class that says which kind it is."""

    kind: str
    name: str
    line: int


@dataclass(frozen=True)
class File:
    """One file of the user's as text: what it declares and why it cannot be used; nothing of it has run."""

    path: Path
    code: bytes
    declared: tuple[Declared, ...] = ()
    settings: frozenset[str] = frozenset()  # of all of its classes
    fault: str | None = None

    @property
    def shown(self) -> str:
        """`own/tasks/words.py`, as a message calls it."""
        return "/".join(self.path.parts[-3:])

    @property
    def digest(self) -> str:
        """sha256 (16 hex) of the code, the same whatever ends its lines."""
        return hashlib.sha256(self.code.replace(b"\r\n", b"\n")).hexdigest()[:16]

    def at(self, line: int) -> str:
        """The file and one of its lines."""
        return f"{self.shown}:{line}"


class OwnKinds(Open):
    """Opens a union of shipped kinds to the classes in own/<room>; stands in the union's annotation.

    They derive from `root` and have bodies of their own for what `needs` names.
    """

    def __init__(self, room: str, root: type[Config], needs: Sequence[str] = ()) -> None:
        self.room, self.root, self.needs = room, root, tuple(needs)

    def settings(self) -> set[str]:
        """Names of the settings in the user's files, which are not run for it."""
        return {name for file in self._files() for name in file.settings}

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """The union's own schema for shipped kinds; an object of the user's is dumped as what it is."""
        shipped = get_args(source)

        def read(value: Any, inner: Callable[[Any], Any]) -> Any:
            return self._read(value, inner, shipped)

        dumped = core_schema.simple_ser_schema("any")
        return core_schema.no_info_wrap_validator_function(read, handler(source), serialization=dumped)

    def _read(self, value: Any, inner: Callable[[Any], Any], shipped: tuple[type[Config], ...]) -> Any:
        kind: Any = value.get("kind") if isinstance(value, Mapping) else getattr(value, "kind", None)
        files = self._files()
        found = [(file, each) for file in files for each in file.declared if each.kind == kind]
        names = [name for node in shipped for name in get_args(node.model_fields["kind"].annotation)]
        if not found and (kind in names or not files or not isinstance(kind, str)):
            return inner(value)
        try:
            file, declared = self._the_one(kind, found, names)
            union = _union(file, declared, self.root, self.needs, shipped)
        except ValueError as error:
            raise _about_the_kind(kind, str(error)) from None
        return _guarded(file, lambda: union.validate_python(value))

    def _the_one(
        self, kind: str, found: Sequence[tuple[File, Declared]], shipped: Sequence[str]
    ) -> tuple[File, Declared]:
        """The file and class of a kind; ValueError when it is none, not the only one, or not usable."""
        places = " and ".join(file.at(each.line) for file, each in found)
        if not found:
            raise ValueError(self._unknown(kind, shipped))
        if kind in shipped:
            raise ValueError(
                f"headstart has a kind {kind} already, and {places} declares it again; rename yours"
            )
        if len(found) > 1:
            raise ValueError(f"{kind} is declared twice, at {places}; rename one of them")
        if fault := found[0][0].fault:
            raise ValueError(fault)
        return found[0]

    def _unknown(self, kind: str, shipped: Sequence[str]) -> str:
        """What is known here, and which of the user's files may hold the kind but cannot be used."""
        files = self._files()
        hint = nearest(kind, [*shipped, *(each.kind for file in files for each in file.declared)])
        faults = [file.fault for file in files if file.fault]
        likely = [hint] if hint.startswith("did") or not faults else []
        return "; ".join([f"no kind {kind}", *likely, *faults])

    def _files(self) -> list[File]:
        found = sorted(Path.cwd().joinpath(FOLDER, self.room).glob("*.py"))
        return [_parsed(path, path.read_bytes()) for path in found if path.is_file()]


@cache
def _parsed(path: Path, code: bytes) -> File:
    """What a file declares, read from its syntax alone."""
    file = File(path, code)
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError) as error:
        fault = f"{file.at(getattr(error, 'lineno', None) or 1)}: {getattr(error, 'msg', error)}; correct it"
        return File(path, code, fault=fault)
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    fields = [(node, item) for node in classes for item in node.body if isinstance(item, ast.AnnAssign)]
    named = [(node, item, item.target.id) for node, item in fields if isinstance(item.target, ast.Name)]
    declared = tuple(
        Declared(part.value, node.name, node.lineno)
        for node, item, name in named
        if name == "kind"
        for part in ast.walk(item.annotation)
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    )
    fault = _fault(file, tree, declared)
    return File(path, code, declared, frozenset(name for _, _, name in named), fault)


def _fault(file: File, tree: ast.Module, declared: Sequence[Declared]) -> str | None:
    """Why a file that can be parsed is of no use, if it is not.

    It stands alone: code in a neighbour could change and the digest would not.
    """
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += ["." * node.level + (node.module or "")] if isinstance(node, ast.ImportFrom) else []
        if any(name.split(".")[0] in ("", FOLDER) for name in names):
            return (
                f"{file.at(getattr(node, 'lineno', 1))}: {ast.unparse(node)}: a file of {FOLDER}/ stands "
                "alone, since its code is part of what names a run; put both into one file"
            )
    if not declared:
        return f'{file.at(1)}: no class here says its kind; write kind: Literal["..."] into it'
    return None


@cache
def _union(
    file: File,
    declared: Declared,
    root: type[Config],
    needs: tuple[str, ...],
    shipped: tuple[type[Config], ...],
) -> TypeAdapter[Any]:
    """The shipped kinds and this one; ValueError when its file or class cannot be used."""
    found: Any = getattr(_run(file), declared.name, None)
    if fault := _misfit(found, declared, root, needs):
        raise ValueError(f"{file.at(declared.line)}: {fault}")
    kinds: Any = Union[(*shipped, _with_code(found, file))]
    return TypeAdapter(Annotated[kinds, Field(discriminator="kind")])  # pyright: ignore[reportInvalidTypeForm, reportArgumentType]


def _misfit(found: Any, declared: Declared, root: type[Config], needs: Sequence[str]) -> str | None:
    """Why a class cannot be what it says it is, if it cannot."""
    path = f"{root.__module__}.{root.__name__}"
    if not (isinstance(found, type) and issubclass(found, root)):
        return f"{declared.name} is no {root.__name__}; derive it from {path}"
    absent = [name for name in needs if getattr(found, name) is getattr(root, name)]
    if absent:
        return f"{declared.name} does not define {', '.join(absent)}, which {path} leaves to it"
    if hasattr(found, "code") or "code" in found.model_fields:
        return f"{declared.name} has something called code, where headstart puts its digest; rename it"
    return None


def _with_code(found: type[Config], file: File) -> type[Config]:
    """The class with one setting more: the digest of the code, which a stored configuration must match."""

    def the_same(given: str) -> str:
        if given != file.digest:
            raise ValueError(
                f"{file.shown} is not what it was (its code was {given}, now {file.digest}); "
                "bring that version back, or train it as a new run"
            )
        return given

    settings: Any = {"code": (Annotated[str, AfterValidator(the_same)], file.digest)}
    return create_model(
        found.__name__, __base__=found, __module__=found.__module__, __doc__=found.__doc__, **settings
    )


@cache
def _run(file: File) -> ModuleType:
    """The module of a file, run once: exactly the bytes that were read; nothing is written beside them."""
    module = ModuleType(f"headstart_{FOLDER}.{file.path.parent.name}.{file.path.stem}")
    module.__file__ = str(file.path)
    sys.modules[module.__name__] = module  # where pydantic looks up the names in annotations

    def run() -> None:
        exec(compile(file.code, str(file.path), "exec", dont_inherit=True), vars(module))  # noqa: S102

    _guarded(file, run)
    return module


def _guarded(file: File, do: Callable[[], Any]) -> Any:
    """What `do` gives; whatever the user's code raises becomes a ValueError of one sentence with its line."""
    try:
        return do()
    except (ValidationError, HeadstartError):
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 - their code may raise anything
        said = str(error).strip().splitlines() or ["(it says nothing)"]
        where = file.at(_line(error, file.path))
        raise ValueError(f"{where}: {type(error).__name__}: {said[0]}; correct it") from None


def _line(error: BaseException, path: Path) -> int:
    """The last line of the file that an error came through."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return error.lineno or 1
    steps = traceback.extract_tb(error.__traceback__)
    return next((step.lineno or 1 for step in reversed(steps) if step.filename == str(path)), 1)


def _about_the_kind(kind: str, sentence: str) -> ValidationError:
    """A mistake that is told at `kind`, where it was asked for."""
    mistake = PydanticCustomError("value_error", "{sentence}", {"sentence": sentence})
    return ValidationError.from_exception_data(FOLDER, [{"type": mistake, "loc": ("kind",), "input": kind}])
