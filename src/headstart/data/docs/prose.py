"""Prose: what a docstring says, without code, tables, markup and library names; and its parameters."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

MASK = "library"
# Masked: names of libraries, alone or inside an identifier (`to_numpy`), their usual aliases, and dotted
# paths that begin with one of these. Kept: the subject of the text, even where it is typical of a library
# (DataFrame, tensor, estimator, tokenizer).
NAMES = r"numpy|scipy|pandas|scikit[- ]?learn|scikits?|sklearn|torch|hugging[ -]?face|transformers|hf_hub"
ALIASES = r"np|sp|pd|hf|plt"
MASKED = re.compile(
    rf"(?i:\b(?:{ALIASES})(?:\.\w+)+)"
    rf"|\b(?:np|pd|NP|PD|HF|hf)\b"
    rf"|(?i:\b\w*(?:{NAMES})\w*(?:[.-]\w+)*)"
    r"|🤗"
)
REPEATED = re.compile(rf"\b{MASK}(?:[\s,/]+(?:and\s+|or\s+)?{MASK}\b)+")

SECTION = re.compile(
    r"(?i)(?:other |keyword |optional |init |call )*"
    r"(?:param(?:eter)?|arg(?:ument)?|keyword arg|kwarg|return|yield|receive|raise|warn|attribute|method"
    r"|example|example usage|usage|reference|see also|shape|input|output|output shape|variable|propertie"
    r"|function|classe|content|routine listing|citation|bibtex|todo|author|licen[cs]e)s?\s*:{0,2}"
)
HEADING = re.compile(r"(?:[A-Z][\w/-]*)(?: [\w/-]+){0,3}:{1,2}")
TABLE = re.compile(r"\s*(?:[+|].*[+|]|={3,}.*)\s*$")
RULE = re.compile(r"\s*([-=~^*#\"])\1{2,}\s*")
KEPT_DIRECTIVES = {"note", "warning", "tip", "important", "caution", "hint", "attention", "admonition"}
DIRECTIVE = re.compile(r"(\s*)\.\. +([\w-]+)::(.*)")
SIGNATURE = re.compile(r"\s*[\w.]+\(.*\)\s*(?:->.*|:|--)?\s*|\s*[\w.]+\(.*\$self.*")
LEADING_SIGNATURE = re.compile(r"\A\s*[\w.]+\((?:[^()]|\([^()]*\))*\)[ \t]*(?:->[^\n]*)?(?:\n|\Z)")
ARGUMENT = re.compile(r"\s*[-*]?\s*[`*]*\w+[`*]*\s*\(.*\)\s*(?::|--).*|\s*\w+\s+\(`.*(?:optional|defaults).*")
COMMENT = re.compile(r"\s*\.\. .*")
FIELD = re.compile(r"\s*:(?:param|type|return|rtype|raise|arg|keyword|kwarg|var|ivar|yield)\w*\b.*", re.I)
LEGAL = re.compile(
    r"(?i)copyright|licen[cs]e|all rights reserved|authors?:|author ?:|\(c\) ?\d{4}|@\w+\.(?:com|org)"
    r"|\bversion(?:added|changed)\b|deprecated (?:since|in)|new in version|bsd|spdx|maintainer"
)
INLINE = [  # (markup, its replacement), applied in this order
    (re.compile(r"!?\[([^\]]*)\]\([^)\s]*\)"), r"\1"),  # [text](address)
    (re.compile(r"(?::[a-z][\w+-]*)+:`[~!.]?([^`<]*?)\s*<[^`>]*>`"), r"\1"),  # :ref:`text <target>`
    (re.compile(r"`([^`<]*?)\s*<[^`>]*>`_*"), r"\1"),  # `text <address>`_
    (re.compile(r"Read more in the\s+User\s+Guide\.?"), " "),  # in most docstrings of scikit-learn
    (re.compile(r"\[(`[^`\]]*`)\]"), r"\1"),  # [`Name`]
    (re.compile(r":math:`[^`]*\\[^`]*`"), " "),  # TeX formulas
    (re.compile(r"\$[^$\n]*\\[^$\n]*\$"), " "),
    (re.compile(r":[\w+-]+(?::[\w+-]+)?:`[~!.]?([^`]*)`"), r"\1"),  # :class:`~name`
    (re.compile(r"\b(?:(?:https?|ftp)://|www\.|doi:|arxiv:)\S+|\b[\w-]+/[\w.-]+#\d+", re.I), " "),
    (re.compile(r"</?[A-Za-z][^<>\n]*>"), " "),  # <Tip>
    (re.compile(r"\[[\w.-]*\]_|\[\d+(?:, ?\d+)*\]"), " "),  # [1]_
    (re.compile(r"%\([a-z_]\w*\)[sdr]?|(?<![\\\w}])\{\{?[a-z_]{3,}\}?\}", re.I), " "),  # templates
    (
        re.compile(
            r"`+|\*\*|\|(?=\w)|(?<=\w)\||(?<!\w)~\.?(?=[A-Za-z])|:(?:class|func|meth|mod|attr|ref|obj):"
        ),
        "",
    ),
    (re.compile(r"(?<![\w)])\*(?=\w)|(?<=\w)\*(?![\w(])"), ""),  # *emphasis*, *args
    (re.compile(r"\\(?=\W)"), ""),
    (re.compile(r"^\s*[-*+•]\s+|^\s*#+\s+", re.M), ""),
]
UNMARKED = re.compile(r"(?:(?!(?i:www\.)|Guide)[\w\s.,;'\"()=!?])*+")
WORD = re.compile(r"[A-Za-z]{2,}")
SENTENCE_END = re.compile(r"(?<!\be\.g)(?<!\bi\.e)(?<!\betc)(?<!\bcf)(?<!\bvs)[.!?](?=\s+[^a-z\s]|$)")

# Sections of parameters and return values, in the styles of numpydoc, Google and Sphinx.
PARAMETERS = re.compile(
    r"(?i)(?:(?:other|keyword|optional|init) )?(?:param(?:eter)?|arg(?:ument)?|kwarg)s?\s*:{0,2}"
)
RETURNS = re.compile(r"(?i)(?:returns?|yields?)\s*:{0,2}")
NUMPY_ENTRY = re.compile(r"(\*{0,2}\w+(?:\s*,\s*\*{0,2}\w+)*)\s*(?::\s*(.*))?")  # name, other : type
GOOGLE_ENTRY = re.compile(r"[`*]*(\w+)[`*]*\s*(?:\((.*?)\))?\s*(?::|--)\s*(.*)")  # name (type): text
SPHINX_FIELD = re.compile(r":param (?:[\w.\[\], |]+ )?\*{0,2}(\w+):\s*(.*)")
RETURN_TYPE = re.compile(r"(?:[`~:\w.\[\]|, ()]*`|[A-Za-z_][\w.\[\], |]*?)\s*(?:\([^)]*\))?\s*:\s+(?=\S)")


@dataclass(frozen=True)
class Parameter:
    """One parameter as its docstring describes it, without markup."""

    name: str
    type: str  # "" where none is given
    text: str


def prose(text: str, shortest: int, longest: int) -> str:
    """The prose of a docstring, masked, on one line, cut at a sentence; "" when too little is left."""
    if len(text) < shortest:
        return ""
    line = shortened(_on_one_line(masked(_without_markup(prose_lines(text)[: 3 * longest]))), longest)
    return line if len(line) >= shortest and is_prose(line) else ""


def prose_lines(text: str) -> str:
    """The lines of a docstring that are neither code nor table nor in a section of these, with markup."""
    lines = _outside_blocks(LEADING_SIGNATURE.sub("", text))
    return "\n".join(
        line
        for line in _outside_sections(list(lines))
        if not (LEGAL.search(line) or RULE.fullmatch(line) or TABLE.match(line))
    )


def plain(text: str) -> str:
    """A passage on one line without markup, code blocks and directives; no name is masked."""
    return unmarked("\n".join(_outside_blocks(text)))


def unmarked(text: str) -> str:
    """The text on one line without markup; no name is masked."""
    return _on_one_line(_without_markup(text))


def masked(text: str) -> str:
    """The text with the names of libraries masked."""
    return REPEATED.sub(MASK, MASKED.sub(MASK, text))


def first_sentence(line: str) -> str:
    """The line up to the end of its first sentence."""
    end = SENTENCE_END.search(line)
    return line[: end.end()] if end else line


def shortened(line: str, longest: int) -> str:
    """The line, cut after the last sentence that fits, else after the last word."""
    if len(line) <= longest:
        return line
    head = line[: longest + 1]
    sentence = max(head.rfind(". "), head.rfind("! "), head.rfind("? "))
    return head[: sentence + 1] if sentence > longest // 2 else head[: head.rfind(" ")]


def is_prose(line: str) -> bool:
    """Whether the line has ten words or more and consists mostly of words."""
    words = WORD.findall(line)
    return len(words) >= 10 and sum(map(len, words)) >= 0.65 * len(line)


def _without_markup(text: str) -> str:
    if UNMARKED.fullmatch(text):  # a quick way for most descriptions of parameters
        return text
    for markup, replacement in INLINE:
        text = markup.sub(replacement, text)
    return text


def _on_one_line(text: str) -> str:
    return re.sub(r"\s+([.,;:])(?=\s|$)", r"\1", " ".join(text.split()))


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _outside_blocks(text: str) -> Iterator[str]:
    """Lines outside of doctests, fences, literal blocks, fields and directives without prose."""
    in_fence = in_doctest = False
    block_indent: int | None = None  # lines with a larger indent belong to the block that is dropped
    for line in text.expandtabs().splitlines():
        indent = _indent(line)
        if line.lstrip().startswith("```"):
            in_fence = not in_fence
        elif in_fence:
            continue
        elif not line.strip():
            in_doctest = False
            yield ""
        elif in_doctest or line.lstrip().startswith(">>>"):
            in_doctest = True
        elif block_indent is not None and indent > block_indent:
            continue
        elif (directive := DIRECTIVE.fullmatch(line)) is not None:
            block_indent = None if directive[2] in KEPT_DIRECTIVES else indent
            if block_indent is None and directive[3].strip():
                yield directive[3].strip()
        elif COMMENT.fullmatch(line) or FIELD.fullmatch(line) or ARGUMENT.fullmatch(line):
            block_indent = indent
        elif SIGNATURE.fullmatch(line):
            continue
        else:
            block_indent = indent if line.rstrip().endswith("::") else None
            yield re.sub(r"\s*:{2}$", ":", line.rstrip())


def _outside_sections(lines: list[str]) -> Iterator[str]:
    """Lines outside of Parameters, Args:, Examples and the like, in any of the usual styles."""
    section_indent: int | None = None  # of the heading whose section is dropped
    underlined = False
    for line, below in zip(lines, [*lines[1:], ""], strict=False):
        indent = _indent(line)
        heading = line.strip().lstrip("# ").strip("*")
        is_underlined = bool(heading) and RULE.fullmatch(below) is not None
        if is_underlined or (SECTION.fullmatch(heading) and (":" in heading or line.startswith("#"))):
            section_indent = indent if SECTION.fullmatch(heading) else None
            underlined = is_underlined or line.startswith("#")
        elif HEADING.fullmatch(heading) and section_indent is not None and indent <= section_indent:
            section_indent = None
        elif section_indent is not None and (underlined or not heading or indent > section_indent):
            continue
        else:
            section_indent = None
            yield line


def parameters(text: str) -> list[Parameter]:
    """The parameters that a docstring describes, in its order, each name once."""
    described: dict[str, Parameter] = {}
    for lines, underlined in _section_lines(text, PARAMETERS):
        for head, below in _entries(lines):
            if underlined and (entry := NUMPY_ENTRY.fullmatch(head)) is not None:
                names = [name.strip().lstrip("*") for name in entry[1].split(",")]
                description = plain("\n".join(below))
            elif not underlined and (entry := GOOGLE_ENTRY.fullmatch(head.lstrip("-*+ "))) is not None:
                names = [entry[1]]
                description = plain("\n".join([entry[3], *below]))
            else:
                continue
            for name in names:
                described.setdefault(name, Parameter(name, plain(entry[2] or ""), description))
    for name, description in SPHINX_FIELD.findall(text):
        described.setdefault(name, Parameter(name, "", plain(description)))
    return list(described.values())


def returned(text: str) -> str:
    """What a docstring says about the return value; "" when it gives no more than its type."""
    for lines, underlined in _section_lines(text, RETURNS):
        if not underlined:
            description = plain("\n".join(lines))
            kind = RETURN_TYPE.match(description)
            return description[kind.end() :] if kind else description
        entries = list(_entries(lines))
        if entries and entries[0][1]:
            return plain("\n".join(entries[0][1]))
    return ""


def _section_lines(text: str, title: re.Pattern[str]) -> Iterator[tuple[list[str], bool]]:
    """The lines of every section with that title, and whether its title is underlined."""
    lines = text.expandtabs().splitlines()
    for number, line in enumerate(lines):
        heading = line.strip().strip("*")
        if not title.fullmatch(heading):
            continue
        below = lines[number + 1 :]
        if below and RULE.fullmatch(below[0]):
            end = (n for n, rule in enumerate(below[2:], 1) if RULE.fullmatch(rule) and below[n].strip())
            yield below[1 : next(end, None)], True
        elif ":" in heading:
            end = (n for n, other in enumerate(below) if other.strip() and _indent(other) <= _indent(line))
            yield below[: next(end, None)], False


def _entries(lines: list[str]) -> Iterator[tuple[str, list[str]]]:
    """(head line, lines below it): a head has the indent of the first line, the lines below have more."""
    margin = next((_indent(line) for line in lines if line.strip()), 0)
    head: str | None = None
    below: list[str] = []
    for line in lines:
        if line.strip() and _indent(line) <= margin:
            if head is not None:
                yield head, below
            head, below = line.strip(), []
        elif head is not None:
            below.append(line)
    if head is not None:
        yield head, below


def signature_names(signature: str) -> list[str]:
    """The names of a signature's parameters, in order, without `self` and `cls`."""
    return [name for name, _ in _arguments(signature)]


def short_signature(signature: str) -> str:
    """Names, stars and defaults of a signature; no annotations, no `self`, long defaults cut."""
    return f"({', '.join(argument for _, argument in _arguments(signature))})"


def _arguments(signature: str) -> list[tuple[str, str]]:
    """(name, name with stars or default) of each parameter; a lone `*` or `/` is left out."""
    try:
        arguments = cast("ast.FunctionDef", ast.parse(f"def f{signature}: pass").body[0]).args
    except (SyntaxError, ValueError):
        return []
    ordinary = len(arguments.posonlyargs) + len(arguments.args)
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    defaults = [*arguments.defaults, *arguments.kw_defaults]
    pairs = []
    for argument, default in zip(named, [*[None] * (len(named) - len(defaults)), *defaults], strict=True):
        written = "" if default is None else f"={ast.unparse(default)}"
        pairs.append((argument.arg, argument.arg + (written if len(written) <= 25 else "=...")))
    if arguments.vararg:
        pairs.insert(ordinary, (arguments.vararg.arg, f"*{arguments.vararg.arg}"))
    if arguments.kwarg:
        pairs.append((arguments.kwarg.arg, f"**{arguments.kwarg.arg}"))
    return [pair for pair in pairs if pair[0] not in ("self", "cls")]
