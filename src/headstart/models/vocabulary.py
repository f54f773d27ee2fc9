"""Vocabularies: WordPiece, byte-level BPE and unigram, trained so that the same texts give the same bytes.

The trainers of `tokenizers` walk through hash maps, whose order differs from process to process. Where that
would reach the result, the function says how it is kept out.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

PENALTY = (
    1e-4  # UnigramTrainer sets characters that its pieces lack this far apart, in the order of a hash map
)


def wordpiece(texts: Sequence[str], size: int, special: Sequence[str], unknown: str) -> Tokenizer:
    """WordPiece of lower-cased words, as in BERT; one eighth of `size` bounds the letters.

    The trainer would number continued letters (##a) as it meets them, and break ties by these numbers. Given
    to it in order, as if they were special tokens, they have fixed ones.
    """
    normalizer, words = normalizers.BertNormalizer(lowercase=True), pre_tokenizers.BertPreTokenizer()
    letters = _letters(texts, normalizer, size // 8)
    trained = Tokenizer(models.WordPiece(unk_token=unknown))  # pyright: ignore[reportCallIssue]
    trained.normalizer, trained.pre_tokenizer = normalizer, words
    trainer = trainers.WordPieceTrainer(
        vocab_size=size,
        special_tokens=[*special, *(f"##{letter}" for letter in letters)],
        initial_alphabet=letters,
        limit_alphabet=len(letters),
        show_progress=False,
    )
    trained.train_from_iterator(texts, trainer)
    made = Tokenizer(models.WordPiece(trained.get_vocab(with_added_tokens=True), unk_token=unknown))  # pyright: ignore[reportCallIssue]
    made.normalizer, made.pre_tokenizer = normalizer, words
    made.decoder = decoders.WordPiece()
    made.add_special_tokens(list(special))
    return made


def bpe(texts: Sequence[str], size: int, special: Sequence[str], unknown: str) -> Tokenizer:
    """Byte-level BPE, as in GPT-2: every text can be written, so `unknown` is never used.

    The trainer sorts its alphabet and breaks ties by token number: nothing depends on a hash map.
    """
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=list(special), initial_alphabet=alphabet, show_progress=False
    )
    made.train_from_iterator(texts, trainer)
    return made


def unigram(texts: Sequence[str], size: int, special: Sequence[str], unknown: str) -> Tokenizer:
    """Unigram language model over pieces (Kudo 2018), as in T5.

    The trainer adds up probabilities in the order of a hash map, so that scores differ in their last digits:
    they are rounded, and pieces are numbered by score and then by spelling.
    """
    trained = _with_pieces(models.Unigram())
    trainer = trainers.UnigramTrainer(
        vocab_size=size, special_tokens=list(special), unk_token=unknown, show_progress=False
    )
    trained.train_from_iterator(texts, trainer)
    scores = dict(json.loads(trained.to_str())["model"]["vocab"])
    pieces = _settled({piece: score for piece, score in scores.items() if piece not in special})
    vocabulary = [(token, 0.0) for token in special] + pieces
    made = _with_pieces(models.Unigram(vocabulary, unk_id=list(special).index(unknown), byte_fallback=False))
    made.decoder = decoders.Metaspace()
    made.add_special_tokens(list(special))
    return made


ALGORITHMS = {"wordpiece": wordpiece, "bpe": bpe, "unigram": unigram}


def _letters(texts: Sequence[str], normalizer: normalizers.Normalizer, most: int) -> list[str]:
    """The characters of the texts, the most frequent ones where there are more than `most`, in order."""
    found = Counter(letter for text in texts for letter in normalizer.normalize_str(text))
    ranked = sorted((letter for letter in found if not letter.isspace()), key=lambda c: (-found[c], c))
    return sorted(ranked[:most])


def _with_pieces(model: models.Unigram) -> Tokenizer:
    """Words keep the space before them, written as a character; runs of spaces count as one."""
    made = Tokenizer(model)
    made.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()]
    )
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    return made


def _settled(scores: dict[str, float]) -> list[tuple[str, float]]:
    """Pieces with their log probabilities, to six digits; characters that came last all share the lowest."""
    lowest = min(scores.values(), default=0.0)
    last = lowest + PENALTY * (1 + sum(len(piece) == 1 for piece in scores))
    equal = {
        piece: round(lowest if len(piece) == 1 and score <= last else score, 6)
        for piece, score in scores.items()
    }
    return sorted(equal.items(), key=lambda pair: (-pair[1], pair[0]))
