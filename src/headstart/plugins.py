"""Plugins: the kinds of task and arm: classes of this package, and classes that a user wrote in `own/`.

A class with `kind: Literal["mine"]` in `own/tasks/*.py` or `own/arms/*.py` of the current directory is used
for `kind: mine`. Files are parsed to find their classes; a file runs only when its kind is used. The digest
of its code then becomes the setting `code`, so that changed code is another run.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import os
import re
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Union, get_args

from pydantic import AfterValidator, Field, GetCoreSchemaHandler, TypeAdapter, ValidationError, create_model
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from headstart.config import Config, MoreSettings, nearest
from headstart.errors import HeadstartError

FOLDER = "own"
_kept: list[tuple[str, bytes]] = []  # (file as it is shown, code) that a study was started with
KIND = re.compile(r"^    kind: Literal\[", re.M)


@dataclass(frozen=True)
class OwnClass:
    """A class with a `kind` in a user's file."""

    kind: str
    name: str
    line: int


@dataclass(frozen=True)
class OwnFile:
    """A parsed file of the user: what it declares, or why it cannot be used; it has not run."""

    path: Path
    code: bytes
    classes: tuple[OwnClass, ...] = ()
    settings: frozenset[str] = frozenset()  # of all of its classes
    fault: str | None = None

    @property
    def shown(self) -> str:
        """The file in a message: `own/tasks/words.py`."""
        return "/".join(self.path.parts[-3:])

    def at(self, line: int) -> str:
        """The file and one of its lines in a message."""
        return f"{self.shown}:{line}"

    @property
    def digest(self) -> str:
        """sha256 (16 hex) of the code, independent of its line ends."""
        return hashlib.sha256(self.code.replace(b"\r\n", b"\n")).hexdigest()[:16]


def keep_code(files: Sequence[tuple[str, bytes]]) -> None:
    """From now on, a configuration with the digest of one of these files is read with that code."""
    _kept[:] = files


def kept_code() -> list[tuple[str, bytes]]:
    """The files of `keep_code`, for another process of this study."""
    return [*_kept]


class Kinds(MoreSettings):
    """Annotates `root`: a mapping is read as the class of its `kind`, in the package of `root` or in own/.

    A user's classes derive from `root` and define what `needs` names.
    """

    def __init__(self, root: type[Config], needs: Sequence[str] = ()) -> None:
        self.root, self.needs = root, tuple(needs)
        self.package = root.__module__.rpartition(".")[0]

    @cached_property
    def shipped(self) -> tuple[type[Config], ...]:
        """The classes of this package with a kind, by module; only modules with kinds are imported."""
        folder = Path(str(sys.modules[self.package].__file__)).parent
        modules = [
            importlib.import_module(f"{self.package}.{path.stem}")
            for path in sorted(folder.glob("*.py"))
            if KIND.search(path.read_text("utf8"))
        ]
        return tuple(
            member
            for module in modules
            for member in vars(module).values()
            if isinstance(member, type) and issubclass(member, self.root)
            if member.__module__ == module.__name__ and "kind" in member.__annotations__
        )

    @cached_property
    def _shipped_names(self) -> list[str]:
        return [name for node in self.shipped for name in get_args(node.model_fields["kind"].annotation)]

    def configs(self) -> Sequence[type[Config]]:
        return self.shipped

    def settings(self) -> set[str]:
        """Names of the settings in the user's files, which are not run."""
        return {name for file in self._own_files() for name in file.settings}

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """The schema of all shipped kinds; an object of a user's class is dumped with all fields."""
        dumped = core_schema.simple_ser_schema("any")
        schema = handler.generate_schema(_union(self.shipped))
        return core_schema.no_info_wrap_validator_function(self._read, schema, serialization=dumped)

    def _read(self, value: Any, read_shipped: Callable[[Any], Any]) -> Any:
        kind: Any = value.get("kind") if isinstance(value, Mapping) else getattr(value, "kind", None)
        files = self._own_files(value.get("code") if isinstance(value, Mapping) else None)
        shipped = self._shipped_names
        own = [(file, declared) for file in files for declared in file.classes if declared.kind == kind]
        if not own and (kind in shipped or not files or not isinstance(kind, str)):
            return read_shipped(value)
        try:
            if not own:
                known = [*shipped, *(declared.kind for file in files for declared in file.classes)]
                hint, faults = nearest(kind, known), [file.fault for file in files if file.fault]
                likely = [hint] if hint.startswith("did") or not faults else []
                raise ValueError("; ".join([f"no kind {kind}", *likely, *faults]))
            lines = " and ".join(file.at(declared.line) for file, declared in own)
            if kind in shipped:
                raise ValueError(
                    f"headstart has a kind {kind} already, and {lines} declares it again; rename yours"
                )
            if len(own) > 1:
                raise ValueError(f"{kind} is declared twice, at {lines}; rename one of them")
            file, declared = own[0]
            if file.fault:
                raise ValueError(file.fault)
            reader = _reader(file, declared, self.root, self.needs, self.shipped)
        except ValueError as error:
            mistake = PydanticCustomError("value_error", "{sentence}", {"sentence": str(error)})
            details: Any = [{"type": mistake, "loc": ("kind",), "input": kind}]
            raise ValidationError.from_exception_data(FOLDER, details) from None
        return _guarded(file, lambda: reader.validate_python(value))

    def _own_files(self, digest: str | None = None) -> list[OwnFile]:
        """The user's files; one that has changed since its study was started, as it was with this digest."""
        name = self.package.rpartition(".")[2]
        if not digest and not os.path.isdir(os.path.join(FOLDER, name)):  # asked for every run of a sweep
            return []
        folder = Path.cwd().joinpath(FOLDER, name)
        files = {path: path.read_bytes() for path in sorted(folder.glob("*.py")) if path.is_file()}
        for shown, code in _kept if digest else ():
            path = Path.cwd() / shown
            if path.parent == folder and OwnFile(path, code).digest == digest:
                files[path] = code
        return [_parsed(path, code) for path, code in files.items()]


def _union(kinds: tuple[type[Config], ...]) -> Any:
    """The union of several kinds, told apart by `kind`."""
    return Annotated[Union[kinds], Field(discriminator="kind")]  # noqa: UP007 # pyright: ignore[reportInvalidTypeForm]


@cache
def _parsed(path: Path, code: bytes) -> OwnFile:
    """The declarations of a file, from its syntax."""
    file = OwnFile(path, code)
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError) as error:
        fault = f"{file.at(getattr(error, 'lineno', None) or 1)}: {getattr(error, 'msg', error)}; correct it"
        return OwnFile(path, code, fault=fault)
    fields = [
        (node, item.target.id, item.annotation)
        for node in tree.body
        if isinstance(node, ast.ClassDef)
        for item in node.body
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
    ]
    classes = tuple(
        OwnClass(literal.value, node.name, node.lineno)
        for node, name, annotation in fields
        if name == "kind"
        for literal in ast.walk(annotation)
        if isinstance(literal, ast.Constant) and isinstance(literal.value, str)
    )
    fault = None
    if not classes:
        fault = f'{file.at(1)}: no class here says its kind; write kind: Literal["..."] into it'
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += ["." * node.level + (node.module or "")] if isinstance(node, ast.ImportFrom) else []
        if any(name.split(".")[0] in ("", FOLDER) for name in names):
            fault = (
                f"{file.at(getattr(node, 'lineno', 1))}: {ast.unparse(node)}: a file of {FOLDER}/ stands "
                "alone, since its code is part of what names a run; put both into one file"
            )
            break
    return OwnFile(path, code, classes, frozenset(name for _, name, _ in fields), fault)


@cache
def _reader(
    file: OwnFile,
    declared: OwnClass,
    root: type[Config],
    needs: tuple[str, ...],
    shipped: tuple[type[Config], ...],
) -> TypeAdapter[Any]:
    """A reader of the shipped kinds and this one; ValueError when its file or class cannot be used."""
    own: Any = getattr(_run(file), declared.name, None)
    path = f"{root.__module__}.{root.__name__}"
    fault = None
    if not (isinstance(own, type) and issubclass(own, root)):
        fault = f"{declared.name} is no {root.__name__}; derive it from {path}"
    elif absent := [name for name in needs if getattr(own, name) is getattr(root, name)]:
        fault = f"{declared.name} does not define {', '.join(absent)}, which {path} leaves to it"
    elif hasattr(own, "code") or "code" in own.model_fields:
        fault = f"{declared.name} has something called code, where headstart puts its digest; rename it"
    if fault:
        raise ValueError(f"{file.at(declared.line)}: {fault}")

    def check_code(code: str) -> str:
        if code and code != file.digest:
            raise ValueError(
                f"{file.shown} is not what it was (its code was {code}, now {file.digest}); "
                "bring that version back, or train it as a new run"
            )
        return file.digest

    # The default is not the digest, since a fingerprint ignores settings with their default value.
    field = Field(default="", validate_default=True)
    settings: Any = {"code": (Annotated[str, AfterValidator(check_code)], field)}
    with_code = create_model(
        own.__name__, __base__=own, __module__=own.__module__, __doc__=own.__doc__, **settings
    )
    return TypeAdapter(_union((*shipped, with_code)))


@cache
def _run(file: OwnFile) -> ModuleType:
    """Run exactly the bytes that were read, once; returns the module. No file is written."""
    module = ModuleType(f"headstart_{FOLDER}.{file.path.parent.name}.{file.path.stem}")
    module.__file__ = str(file.path)
    sys.modules[module.__name__] = module  # pydantic looks up the names of annotations in it

    def run() -> None:
        exec(compile(file.code, str(file.path), "exec", dont_inherit=True), vars(module))  # noqa: S102

    _guarded(file, run)
    return module


def _guarded(file: OwnFile, call: Callable[[], Any]) -> Any:
    """The result of `call`; exceptions of the user's code become a ValueError of one line."""
    try:
        return call()
    except (ValidationError, HeadstartError):
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 - user code may raise anything
        path = str(file.path)
        if isinstance(error, SyntaxError) and error.filename == path:
            line = error.lineno or 1
        else:  # the last line of the file that the error came through
            frames = reversed(traceback.extract_tb(error.__traceback__))
            line = next((frame.lineno or 1 for frame in frames if frame.filename == path), 1)
        message = str(error).strip().splitlines() or ["(it says nothing)"]
        raise ValueError(f"{file.at(line)}: {type(error).__name__}: {message[0]}; correct it") from None
