"""Generated: what scores of generated texts are made of, one number per text, by sacrebleu and by hand."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

ORDERS = (1, 2, 3, 4)  # lengths of the word sequences that BLEU counts


def statistics(written: Sequence[str], references: Sequence[str]) -> dict[str, np.ndarray]:
    """Per text, (texts,) float64 each: exact, chrf (0..100), rouge_l (0..1), and the counts of BLEU.

    exact: equal but for white space. chrf: character n-grams up to six (Popović 2015). BLEU splits words as
    WMT does ("13a"), so for languages without spaces between words it says little and chrf is to be read.
    """
    pairs = list(zip(written, references, strict=True))
    found = {
        "exact": [float(text.split() == reference.split()) for text, reference in pairs],
        "rouge_l": [rouge_l(text, reference) for text, reference in pairs],
        **_by_sacrebleu(pairs),
    }
    return {name: np.array(column, dtype=np.float64) for name, column in found.items()}


def rouge_l(text: str, reference: str) -> float:
    """F-score of the longest common subsequence of lower-cased words (Lin 2004), 0..1."""
    ours, theirs = _words(text), _words(reference)
    common = longest_common(ours, theirs)
    return 2 * common / (len(ours) + len(theirs)) if common else 0.0


def longest_common(one: Sequence[str], other: Sequence[str]) -> int:
    """Length of the longest common subsequence; all cells of a row of the table are bits of one number
    (Crochemore et al. 2001, doi:10.1016/S0020-0190(00)00214-X)."""
    places: defaultdict[str, int] = defaultdict(int)  # word -> a bit for each of its positions
    for place, word in enumerate(one):
        places[word] |= 1 << place
    row = (1 << len(one)) - 1
    for word in other:
        hits = row & places[word]
        row = (row + hits) | (row - hits)
    return len(one) - (row & ((1 << len(one)) - 1)).bit_count()


def _by_sacrebleu(pairs: Sequence[tuple[str, str]]) -> dict[str, list[float]]:
    from sacrebleu.metrics import BLEU, CHRF  # pyright: ignore[reportPrivateImportUsage]

    chrf, bleu = CHRF(), BLEU(effective_order=True)  # the order changes no count, only a warning
    counts = [bleu.sentence_score(text, [reference]) for text, reference in pairs]
    return {
        "chrf": [chrf.sentence_score(text, [reference]).score for text, reference in pairs],
        **{f"bleu_correct_{n}": [one.counts[n - 1] for one in counts] for n in ORDERS},
        **{f"bleu_total_{n}": [one.totals[n - 1] for one in counts] for n in ORDERS},
        "bleu_system": [one.sys_len for one in counts],
        "bleu_reference": [one.ref_len for one in counts],
    }


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())
