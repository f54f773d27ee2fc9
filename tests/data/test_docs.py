"""Docs: what is read, what is left of it, what is masked, and that no text is met twice."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from headstart.cache import cache_dir, cached
from headstart.data.docs.corpus import clusters, shingles, similarity
from headstart.data.docs.docstrings import extracted
from headstart.data.docs.prose import prose
from headstart.data.docs.source import Docs
from headstart.data.rows import rows_digest
from headstart.errors import ConfigError, DataError

PACKAGE = {
    "__init__.py": '"""A package."""\nraise SystemExit("imported")\n',
    "shapes.py": '''
"""About shapes."""
if True:
    class Shape:
        """A shape."""
        def area(self, unit: str = "m") -> float:
            """Its area."""
            def inner():
                """Not documented for anybody."""
try:
    async def later():
        """Comes later."""
except ImportError:
    pass
add_newdoc("shapes", "Shape", ("side", """
    Written from outside.
    """))
add_docstr(lib.abs, r"""abs(x)""" + """ -> more {x}""".format(x=1))
''',
    "tests/test_shapes.py": '"""A test."""\n',
    "_vendor/other.py": '"""Not theirs."""\n',
    "broken.py": '"""Broken."""\ndef (:\n',
}


def test_docstrings_are_read_without_running_anything(tmp_path: Path):
    for name, source in PACKAGE.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(source)
    found = [(doc.name, doc.kind, doc.signature, doc.text) for doc in extracted(tmp_path, "lib")]
    assert found == [
        ("lib", "module", "", "A package."),
        ("lib.shapes", "module", "", "About shapes."),
        ("lib.shapes.Shape", "class", "", "A shape."),
        ("lib.shapes.Shape.area", "function", "(self, unit: str='m')", "Its area."),
        ("lib.shapes.later", "function", "()", "Comes later."),
        ("lib.shapes.Shape.side", "function", "", "Written from outside."),
        ("lib.abs", "function", "", "abs(x) -> more {x}"),
    ]


NUMPYDOC = """spam(x, y=(1, 2)) -> Tensor

Return the `x` of :class:`~numpy.ndarray`, as :ref:`told in the guide <guide>` [1]_,
just as ``np.asarray`` and scikit-learn do; see https://numpy.org/doc or to_numpy.

.. versionadded:: 1.2
    Since then.

.. note:: Only *sparse* arrays are changed in place by this function.

Like this::

    code = np.here()

Parameters
----------
x : array_like
    What is given.

Notes
-----
The algorithm was made for small inputs only, and is slow otherwise.

Examples
--------
>>> np.spam(1)
1
"""
GOOGLE = """
    Computes the attention weights of a [`LlamaModel`] from 🤗 Transformers with PyTorch tensors.

    Args:
        hidden (`torch.Tensor`, *optional*, defaults to `None`):
            The hidden states.
    Returns:
        The weights.

    ```python
    import torch
    ```
    It is called once for every layer of the decoder, never more often.
"""


def test_prose_is_what_is_left_of_a_docstring():
    assert prose(NUMPYDOC, 20, 1000) == (
        "Return the x of library, as told in the guide, just as library do; see or library. "
        "Only sparse arrays are changed in place by this function. Like this: "
        "The algorithm was made for small inputs only, and is slow otherwise."
    )
    assert prose(GOOGLE, 20, 1000) == (
        "Computes the attention weights of a LlamaModel from library with library tensors. "
        "It is called once for every layer of the decoder, never more often."
    )


@pytest.mark.parametrize(
    "text",
    [
        "Too short.",
        "a b c d e f g h i j k l m n o p q r s t u v w x y z " * 4,
        "1 2 3 4 5 6 7 8 9 [[0.1, 0.2], [0.3, 0.4]] and some words that do not make up for it, 1 2 3 4 5 6 7",
        ">>> only(code)\n" * 20,
    ],
)
def test_what_is_no_prose_is_left_out(text: str):
    assert prose(text, 20, 1000) == ""


def test_a_long_text_is_cut_after_a_sentence():
    text = "This sentence has exactly nine words in it, see. " * 40
    cut = prose(text, 80, 200)
    assert len(cut) <= 200
    assert cut.endswith("see.")


def test_near_duplicates_are_one_cluster_and_strangers_are_not():
    first = "Return the sum of the array elements over the given axis, ignoring every value that is missing."
    second = (
        "Return the product of the array elements over the given axis, ignoring every value that is missing."
    )
    third = (
        "A tokenizer splits a sentence into pieces that the model knows, and maps each of them to a number."
    )
    assert clusters([first, third, second, first.upper(), third]) == [0, 1, 0, 0, 1]
    assert clusters([]) == []
    assert clusters(["", "", "one"]) == [0, 0, 2]


def test_shingles_are_the_same_on_every_platform():
    assert shingles("One two, three four.").tolist() == [375286966073611955, 16478230647891210565]


SMALL = {
    "libraries": ["numpy", "sklearn"],
    "train_per_class": 60,
    "validation_per_class": 10,
    "test_per_class": 20,
}


@pytest.fixture(scope="session")
def small(shared_cache: Path):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(shared_cache))
        return Docs.read(SMALL).load({"text": "text", "label": "library"}, "label")


def test_the_real_corpus_is_balanced_and_masked(small):
    for rows, count in ((small.train, 60), (small.validation, 10), (small.test, 20)):
        assert Counter(rows["label"]) == {"numpy": count, "sklearn": count}
        for text in rows["text"]:
            assert 80 <= len(text) <= 1000
            assert not re.search(r"numpy|sklearn|scikit|\bnp\b|\bpd\b|>>>|https?:|versionadded|:class:", text)
    assert small.notes == ()
    assert small.source == Docs.read(SMALL).digest()
    assert all(name.split(".")[0] in ("numpy", "sklearn") for name in small.train["id"])


def test_no_text_of_the_real_corpus_is_met_twice(small):
    train = [shingles(text) for text in small.train["text"]]
    held_out = [shingles(text) for text in [*small.test["text"], *small.validation["text"]]]
    assert max(similarity(one, other) for one in train for other in held_out) < 0.5
    names = [*small.train["id"], *small.validation["id"], *small.test["id"]]
    assert len(set(names)) == len(names) == 180


def test_caps_and_seed_change_rows_but_more_training_rows_move_no_test_row(small):
    columns = {"text": "text", "label": "library"}
    larger = Docs.read({**SMALL, "train_per_class": 100}).load(columns, "label")
    assert rows_digest(larger.test) == rows_digest(small.test)
    assert set(small.train["id"]) < set(larger.train["id"])
    other = Docs.read({**SMALL, "split_seed": 1}).load(columns, "label")
    assert rows_digest(other.test) != rows_digest(small.test)
    assert len({Docs.read(SMALL).digest(), larger.source, other.source}) == 3


def test_too_few_rows_are_said(small):
    splits = Docs.read({**SMALL, "test_per_class": 100_000}).load(
        {"text": "text", "label": "library"}, "label"
    )
    assert re.fullmatch(r"test: \d+ rows of numpy, fewer than test_per_class=100000", splits.notes[0])


def test_a_wrong_column_is_answered_with_those_that_exist(small):
    with pytest.raises(
        DataError,
        match=r"docs split train has no column 'lib' \(task.label\).*kind, library, module, name, text",
    ):
        Docs.read(SMALL).load({"text": "text", "label": "lib"}, "label")


def test_an_unknown_library_is_refused():
    with pytest.raises(ConfigError, match="'django' is not in the corpus; known: numpy, scipy"):
        Docs.read({"libraries": ["numpy", "django"]})


def test_a_library_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(
        __import__("headstart.data.docs.docstrings", fromlist=["x"]).DISTRIBUTIONS, "scipy", "no-such"
    )
    with pytest.raises(
        DataError, match=r"^the embedded corpus needs scipy, which is not installed: install it$"
    ):
        Docs.read({"libraries": ["numpy", "scipy"]}).digest()


def test_the_cache_is_where_it_was_asked_to_be(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    assert cache_dir() != tmp_path
    monkeypatch.delenv("HEADSTART_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_dir() == tmp_path / "headstart"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_dir() == Path.home() / ".cache" / "headstart"


def test_a_cached_file_is_made_once_and_whole_or_not_at_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "deep"))

    def fails(path: Path) -> None:
        path.write_text("half")
        raise KeyboardInterrupt

    def works(path: Path) -> None:
        path.write_text("whole")

    with pytest.raises(KeyboardInterrupt):
        cached("a", fails)
    assert list((tmp_path / "deep").iterdir()) == []
    assert cached("a", works).read_text() == "whole"
    assert cached("a", fails).read_text() == "whole"


def test_a_cache_that_cannot_be_written_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "file"))
    with pytest.raises(DataError, match=r"cache folder .*file cannot be written \(.*set HEADSTART_CACHE"):
        cached("a", lambda path: None)
