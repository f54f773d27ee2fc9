"""Docstrings: the raw embedded corpus, read from the installed libraries with `ast`, never imported."""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.util
import inspect
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path

from headstart.data.cache import cache_dir, cached, shown
from headstart.errors import DataError

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
# Tests, and code of other projects that a library carries along.
SKIPPED = {
    *("test", "tests", "testing", "_internal", "conftest.py"),
    *("_vendor", "vendor", "vendored", "third_party", "externals", "extern", "hipify", "cobyqa", "pyprima"),
    *(
        "array_api_compat",
        "array_api_extra",
        "_numpydoc",
        "_docscrape.py",
        "doccer.py",
        "_uarray",
        "uarray.py",
    ),
    *("_pep440.py", "_appdirs.py", "_numpy"),  # torch carries a copy of numpy's interface in `_numpy`
}
DOCUMENTERS = frozenset({"add_newdoc", "add_docstr", "_add_docstr", "add_docstr_all"})


@dataclass(frozen=True)
class Docstring:
    """One docstring as its library wrote it."""

    library: str
    name: str  # dotted, the library first
    kind: str  # module, class or function
    signature: str  # "" for modules and for what is documented from outside
    text: str


def version(library: str) -> str:
    """The installed version of a library, as its distribution states it."""
    try:
        return importlib.metadata.version(DISTRIBUTIONS.get(library, library))
    except importlib.metadata.PackageNotFoundError:
        raise DataError(f"the embedded corpus needs {library}, which is not installed: install it") from None


def docstrings(libraries: Iterable[str] = LIBRARIES) -> Iterator[Docstring]:
    """Every docstring of the libraries, in the order of files and lines; cached per library and version."""
    import pyarrow.parquet as pq

    for path in _tables(list(libraries)):
        yield from (Docstring(**row) for row in pq.read_table(path).to_pylist())


def _tables(libraries: list[str]) -> list[Path]:
    """The cached table of each library; those that are missing are read on all cores, the largest first."""
    from joblib import Parallel, delayed

    missing = [
        name for name in LARGEST_FIRST if name in libraries and not (cache_dir() / _table(name)).is_file()
    ]
    missing += [name for name in libraries if name not in LARGEST_FIRST]
    if len(missing) > 1:
        reading = Parallel(n_jobs=-1, return_as="generator_unordered")(
            delayed(_cached)(name) for name in missing
        )
        for _ in shown(reading, "reading installed libraries", len(missing)):
            pass
    return [_cached(library) for library in libraries]


def _table(library: str) -> str:
    return f"docstrings-{CORPUS_VERSION}-{library}-{version(library)}.parquet"


def _cached(library: str) -> Path:
    return cached(_table(library), lambda path: _write(path, library))


def _write(path: Path, library: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    found = list(extracted(folder(library), library))
    columns = {field.name: [getattr(row, field.name) for row in found] for field in fields(Docstring)}
    pq.write_table(pa.table(columns), path)


def folder(library: str) -> Path:
    """Where a library is installed; finding a top-level package does not import it."""
    spec = importlib.util.find_spec(library)
    if spec is None or not spec.submodule_search_locations:
        raise DataError(f"the embedded corpus needs {library}, which is not installed: install it")
    return Path(next(iter(spec.submodule_search_locations)))


def extracted(root: Path, library: str) -> Iterator[Docstring]:
    """The docstrings below `root`; a file that this Python cannot parse has none."""
    files = sorted(path for path in root.rglob("*.py") if not SKIPPED & set(path.relative_to(root).parts))
    for path in files:
        source = path.read_text(encoding="utf-8", errors="replace")
        if '"""' in source or "'''" in source:
            yield from _of_source(source, ".".join(_module(path, root, library)), library)


def _module(path: Path, root: Path, library: str) -> list[str]:
    parts = [library, *path.relative_to(root).with_suffix("").parts]
    return parts[:-1] if parts[-1] == "__init__" else parts


def _of_source(source: str, module: str, library: str) -> Iterator[Docstring]:
    try:
        with warnings.catch_warnings():  # an invalid escape in somebody's docstring is not our news
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return
    if text := ast.get_docstring(tree):
        yield Docstring(library, module, "module", "", text)
    yield from _of_body(tree.body, module, library)


def _of_body(body: list[ast.stmt], scope: str, library: str) -> Iterator[Docstring]:
    """What the statements of a module or class define, also under if, try and with."""
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _of_definition(node, scope, library)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            yield from _of_call(node.value, library)
        else:
            for block in ("body", "handlers", "orelse", "finalbody"):
                yield from _of_body(getattr(node, block, []), scope, library)


def _of_definition(
    node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef, scope: str, library: str
) -> Iterator[Docstring]:
    name = f"{scope}.{node.name}"
    is_class = isinstance(node, ast.ClassDef)
    if text := ast.get_docstring(node):
        signature = "" if is_class else f"({ast.unparse(node.args)})"
        yield Docstring(library, name, "class" if is_class else "function", signature, text)
    if is_class:
        yield from _of_body(node.body, name, library)


def _of_call(call: ast.Call, library: str) -> Iterator[Docstring]:
    """What numpy, scipy and torch write about their compiled functions: add_newdoc(place, name, text)."""
    called = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if called not in DOCUMENTERS or len(call.args) < 2:
        return
    *places, last = call.args
    if isinstance(last, ast.Tuple) and len(last.elts) == 2:  # add_newdoc(module, class, (method, text))
        places, last = [*places, last.elts[0]], last.elts[1]
    name = ".".join(filter(None, map(_place, places)))
    if (text := _literal(last)) and name:
        name = name if name.split(".")[0] == library else f"{library}.{name}"
        yield Docstring(library, name, "function", "", inspect.cleandoc(text))


def _place(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ast.unparse(node)


def _literal(node: ast.expr) -> str:
    """The text that is written out in an expression: a string, a sum with strings, a string's .format()."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.BinOp):
        return _literal(node.left) + _literal(node.right)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return _literal(node.func.value)
    return ""
