"""Prose: a docstring without its code, tables and markup, and without the name of its library."""

from __future__ import annotations

import re
from collections.abc import Iterator

MASK = "library"
# Masked: what a library is called, by itself or inside an identifier (`to_numpy`), its usual alias,
# and dotted paths that begin with one of these. Kept: what the text is about, also where it is
# typical (DataFrame, tensor, estimator, tokenizer): that is the subject, and the task is to know it.
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
INLINE = [  # (markup, what stays of it), applied in this order
    (re.compile(r"!?\[([^\]]*)\]\([^)\s]*\)"), r"\1"),  # [text](address)
    (re.compile(r"(?::[a-z][\w+-]*)+:`[~!.]?([^`<]*?)\s*<[^`>]*>`"), r"\1"),  # :ref:`text <target>`
    (re.compile(r"`([^`<]*?)\s*<[^`>]*>`_*"), r"\1"),  # `text <address>`_
    (re.compile(r"Read more in the\s+User\s+Guide\.?"), " "),  # what one library says everywhere
    (re.compile(r"\[(`[^`\]]*`)\]"), r"\1"),  # [`Name`]
    (re.compile(r":math:`[^`]*\\[^`]*`"), " "),  # a formula in TeX is no prose
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


def prose(text: str, shortest: int, longest: int) -> str:
    """The prose of a docstring, masked, on one line, cut at a sentence; "" when too little is left."""
    return prose_of(prose_lines(text), shortest, longest) if len(text) >= shortest else ""


def prose_lines(text: str) -> str:
    """The lines of a docstring that are prose, markup and all: the slow half of `prose`."""
    return "\n".join(_lines_of_prose(LEADING_SIGNATURE.sub("", text)))


def prose_of(lines: str, shortest: int, longest: int) -> str:
    """The other half of `prose`, for whoever wants the same lines at several lengths."""
    kept = _without_markup(lines[: 3 * longest])
    line = shortened(_on_one_line(masked(kept)), longest)
    return line if len(line) >= shortest and reads_as_prose(line) else ""


def plain(text: str) -> str:
    """A passage on one line without markup, code blocks and directives; no name is masked."""
    return _on_one_line(_without_markup("\n".join(_outside_blocks(text.expandtabs().splitlines()))))


def description_of(lines: str) -> str:
    """Prose lines on one line without markup, with every name in its place, however short."""
    return _on_one_line(_without_markup(lines))


def masked(text: str) -> str:
    """The text with the names of libraries masked."""
    return REPEATED.sub(MASK, MASKED.sub(MASK, text))


def first_sentence(line: str) -> str:
    """The line up to the end of its first sentence: the whole line where it has only one."""
    end = SENTENCE_END.search(line)
    return line[: end.end()] if end else line


def _without_markup(text: str) -> str:
    if UNMARKED.fullmatch(text):  # as most descriptions of parameters are: nothing below would change it
        return text
    for markup, stays in INLINE:
        text = markup.sub(stays, text)
    return text


def _on_one_line(text: str) -> str:
    return re.sub(r"\s+([.,;:])(?=\s|$)", r"\1", " ".join(text.split()))


def shortened(line: str, longest: int) -> str:
    """The line, cut after the last sentence that fits, else after the last word."""
    if len(line) <= longest:
        return line
    head = line[: longest + 1]
    sentence = max(head.rfind(". "), head.rfind("! "), head.rfind("? "))
    return head[: sentence + 1] if sentence > longest // 2 else head[: head.rfind(" ")]


def reads_as_prose(line: str) -> bool:
    """Ten words or more, and mostly made of them: no tables, formulas or lists of names."""
    words = WORD.findall(line)
    return len(words) >= 10 and sum(map(len, words)) >= 0.65 * len(line)


def _lines_of_prose(text: str) -> Iterator[str]:
    """The lines that are neither code nor a table nor in a section that is one."""
    for line in _outside_sections(list(_outside_blocks(text.expandtabs().splitlines()))):
        if not (
            LEGAL.search(line) or RULE.fullmatch(line) or re.match(r"\s*(?:[+|].*[+|]|={3,}.*)\s*$", line)
        ):
            yield line


def _outside_blocks(lines: list[str]) -> Iterator[str]:
    """Lines outside of doctests, fences, literal blocks, fields and directives that hold no prose."""
    fenced, until = False, None  # `until`: drop what is indented deeper than this
    in_doctest = False
    for line in lines:
        indent = len(line) - len(line.lstrip())
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif fenced:
            continue
        elif not line.strip():
            in_doctest = False
            yield ""
        elif in_doctest or line.lstrip().startswith(">>>"):
            in_doctest = True
        elif until is not None and indent > until:
            continue
        elif (directive := DIRECTIVE.fullmatch(line)) is not None:
            until = None if directive[2] in KEPT_DIRECTIVES else indent
            if until is None and directive[3].strip():
                yield directive[3].strip()
        elif COMMENT.fullmatch(line) or FIELD.fullmatch(line) or ARGUMENT.fullmatch(line):
            until = indent
        elif SIGNATURE.fullmatch(line):
            continue
        else:
            until = indent if line.rstrip().endswith("::") else None
            yield re.sub(r"\s*:{2}$", ":", line.rstrip())


def _outside_sections(lines: list[str]) -> Iterator[str]:
    """Lines outside of Parameters, Args:, Examples and the like, whichever way a library marks them."""
    dropped_below: int | None = None  # indent of the heading whose section is being dropped
    underlined = False
    for line, below in zip(lines, [*lines[1:], ""], strict=False):
        indent = len(line) - len(line.lstrip())
        heading = line.strip().lstrip("# ").strip("*")
        is_underlined = bool(heading) and RULE.fullmatch(below) is not None
        if is_underlined or (SECTION.fullmatch(heading) and (":" in heading or line.startswith("#"))):
            dropped_below = indent if SECTION.fullmatch(heading) else None
            underlined = is_underlined or line.startswith("#")
        elif HEADING.fullmatch(heading) and dropped_below is not None and indent <= dropped_below:
            dropped_below = None
        elif dropped_below is not None and (underlined or not heading or indent > dropped_below):
            continue
        else:
            dropped_below = None
            yield line
