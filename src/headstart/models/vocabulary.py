"""Vocabularies: WordPiece, byte-level BPE and unigram, trained so that equal texts give equal bytes.

The trainers of `tokenizers` iterate over hash maps, whose order differs between processes. Each
function describes how it avoids an influence on the result.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

# UnigramTrainer gives characters without a piece scores this far apart, in the order of a hash map.
PENALTY = 1e-4


def wordpiece(texts: Sequence[str], size: int, special: Sequence[str], unknown: str) -> Tokenizer:
    """WordPiece of lower-cased words, as in BERT, with at most `size` / 8 letters.

    The trainer would number letters inside words (##a) in the order of a hash map, and break ties by these
    numbers. They are passed in order, as special tokens, so that their numbers are fixed.
    """
    normalizer, words = normalizers.BertNormalizer(lowercase=True), pre_tokenizers.BertPreTokenizer()
    counts = Counter(letter for text in texts for letter in normalizer.normalize_str(text))
    ranked = sorted((letter for letter in counts if not letter.isspace()), key=lambda c: (-counts[c], c))
    letters = sorted(ranked[: size // 8])
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
    tokenizer = Tokenizer(models.WordPiece(trained.get_vocab(with_added_tokens=True), unk_token=unknown))  # pyright: ignore[reportCallIssue]
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, words
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.add_special_tokens(list(special))
    return tokenizer


def bpe(texts: Sequence[str], size: int, special: Sequence[str], unknown: str) -> Tokenizer:
    """Byte-level BPE, as in GPT-2: every text can be encoded, so `unknown` is never used.

    The trainer sorts its alphabet and breaks ties by token number, so the result is always the same.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=list(special), initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


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
    pieces = _rounded({piece: score for piece, score in scores.items() if piece not in special})
    vocabulary = [(token, 0.0) for token in special] + pieces
    tokenizer = _with_pieces(
        models.Unigram(vocabulary, unk_id=list(special).index(unknown), byte_fallback=False)
    )
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.add_special_tokens(list(special))
    return tokenizer


ALGORITHMS = {"wordpiece": wordpiece, "bpe": bpe, "unigram": unigram}


def _with_pieces(model: models.Unigram) -> Tokenizer:
    """Words keep the space before them, written as a character; runs of spaces count as one."""
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    return tokenizer


def _rounded(scores: dict[str, float]) -> list[tuple[str, float]]:
    """Pieces with their log probabilities, to six digits, by probability and then by spelling.

    Characters that the trainer added at the end all get the lowest probability.
    """
    lowest = min(scores.values(), default=0.0)
    limit = lowest + PENALTY * (1 + sum(len(piece) == 1 for piece in scores))
    rounded = {
        piece: round(lowest if len(piece) == 1 and score <= limit else score, 6)
        for piece, score in scores.items()
    }
    return sorted(rounded.items(), key=lambda pair: (-pair[1], pair[0]))
