"""Docstrings: the raw text of the demo corpus, read from installed libraries with `ast`, never imported."""

from __future__ import annotations

import ast
import functools
import importlib.metadata
import importlib.util
import inspect
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headstart.cache import cached_rows, is_cached
from headstart.errors import DataError
from headstart.screen import progress

CORPUS_VERSION = 1  # raise it whenever extraction, cleaning, masking or de-duplication changes a single text
DISTRIBUTIONS = {  # folder that is read -> distribution that installs it
    "numpy": "numpy",
    "scipy": "scipy",
    "pandas": "pandas",
    "sklearn": "scikit-learn",
    "torch": "torch",
    "transformers": "transformers",
}
LIBRARIES = tuple(DISTRIBUTIONS)
LARGEST_FIRST = ("torch", "transformers", "scipy", "pandas", "sklearn", "numpy")
# Files and folders with tests, and with code of other projects. `_numpy`: torch's copy of numpy's interface.
SKIPPED = frozenset(
    "test tests testing _internal conftest.py _vendor vendor vendored third_party externals extern hipify "  # noqa: SIM905
    "cobyqa pyprima array_api_compat array_api_extra _numpydoc _docscrape.py doccer.py _uarray uarray.py "
    "_pep440.py _appdirs.py _numpy".split()
)
DOCUMENTERS = frozenset({"add_newdoc", "add_docstr", "_add_docstr", "add_docstr_all"})


@dataclass(frozen=True)
class Docstring:
    """One docstring as its library wrote it."""

    library: str
    name: str  # dotted, the library first
    kind: str  # module, class or function
    signature: str  # "" for modules, classes, and functions that add_newdoc and the like document
    text: str


def version(library: str) -> str:
    """The installed version of a library, as its distribution states it."""
    try:
        return importlib.metadata.version(DISTRIBUTIONS[library])
    except importlib.metadata.PackageNotFoundError:
        raise _not_installed(library) from None


def folder(library: str) -> Path:
    """Where a library is installed; finding a top-level package does not import it."""
    spec = importlib.util.find_spec(library)
    if spec is None or not spec.submodule_search_locations:
        raise _not_installed(library)
    return Path(next(iter(spec.submodule_search_locations)))


@functools.cache
def module_of(name: str) -> str:
    """The module that a dotted name belongs to: its longest beginning that is a file or folder.

    What is documented elsewhere (compiled functions) belongs to the package that it is named in.
    """
    library, *parts = name.split("#")[0].split(".")
    root = folder(library)
    for end in range(len(parts), 0, -1):
        path = root.joinpath(*parts[:end])
        if path.is_dir() or path.with_suffix(".py").is_file():
            return ".".join([library, *parts[:end]])
    return library


def _not_installed(library: str) -> DataError:
    return DataError(f"the embedded corpus needs {library}, which is not installed: install it")


def docstrings(libraries: Iterable[str] = LIBRARIES) -> list[Docstring]:
    """Every docstring of the libraries, in the order of files and lines; cached per library and version."""
    from joblib import Parallel, delayed

    libraries = list(libraries)
    names = {name: f"docstrings-{CORPUS_VERSION}-{name}-{version(name)}.parquet" for name in libraries}
    missing = [name for name in LARGEST_FIRST if name in names and not is_cached(names[name])]
    if len(missing) > 1:  # read on all cores
        parallel = Parallel(n_jobs=-1, return_as="generator_unordered")
        files = parallel(delayed(_cached)(names[name], name) for name in missing)
        for _ in progress(files, "reading installed libraries", len(missing)):
            pass
    return [Docstring(**row) for name in libraries for row in _cached(names[name], name)]


def _cached(name: str, library: str) -> list[dict[str, Any]]:
    return cached_rows(name, lambda: map(vars, extracted(folder(library), library)))


def extracted(root: Path, library: str) -> Iterator[Docstring]:
    """The docstrings below `root`; a file that this Python cannot parse has none."""
    files = sorted(path for path in root.rglob("*.py") if not SKIPPED & set(path.relative_to(root).parts))
    for path in files:
        source = path.read_text(encoding="utf-8", errors="replace")
        if '"""' not in source and "'''" not in source:
            continue
        try:
            with warnings.catch_warnings():  # about invalid escapes in other people's docstrings
                warnings.simplefilter("ignore")
                tree = ast.parse(source)
        except (SyntaxError, ValueError):
            continue
        parts = path.relative_to(root).with_suffix("").parts
        module = ".".join([library, *(parts[:-1] if parts[-1] == "__init__" else parts)])
        if text := ast.get_docstring(tree):
            yield Docstring(library, module, "module", "", text)
        yield from _in_body(tree.body, module, library)


def _in_body(body: list[ast.stmt], scope: str, library: str) -> Iterator[Docstring]:
    """What the statements of a module or class define, also under if, try and with."""
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            name = f"{scope}.{node.name}"
            is_class = isinstance(node, ast.ClassDef)
            if text := ast.get_docstring(node):
                signature = "" if is_class else f"({ast.unparse(node.args)})"
                yield Docstring(library, name, "class" if is_class else "function", signature, text)
            if is_class:
                yield from _in_body(node.body, name, library)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            yield from _in_call(node.value, library)
        else:
            for block in ("body", "handlers", "orelse", "finalbody"):
                yield from _in_body(getattr(node, block, []), scope, library)


def _in_call(call: ast.Call, library: str) -> Iterator[Docstring]:
    """What numpy, scipy and torch write about compiled functions: add_newdoc(module, name, text)."""
    function = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if function not in DOCUMENTERS or len(call.args) < 2:
        return
    *scopes, last = call.args
    if isinstance(last, ast.Tuple) and len(last.elts) == 2:  # add_newdoc(module, class, (method, text))
        scopes, last = [*scopes, last.elts[0]], last.elts[1]
    parts = [
        node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ast.unparse(node)
        for node in scopes
    ]
    name = ".".join(filter(None, parts))
    if (text := _string(last)) and name:
        name = name if name.split(".")[0] == library else f"{library}.{name}"
        yield Docstring(library, name, "function", "", inspect.cleandoc(text))


def _string(node: ast.expr) -> str:
    """The text of a string, of a sum with strings, or of a string's .format(); else ""."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.BinOp):
        return _string(node.left) + _string(node.right)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return _string(node.func.value)
    return ""
