"""Of a study as a whole: its question, why it has no answer, and what a reader should know about it."""

from __future__ import annotations

from collections.abc import Sequence

from headstart.compare import phrases

MOST = 4  # tasks that a question names
UNCOMMITTED = "Some runs used code with changes that were not committed."
SURVIVORS = "Means are over survivors only: some runs did not finish."
IMAGES = "rows are images, and only text is compared"
NO_TRACE = "no trace of that text lies beside the weights, or these rows are no text"
LATEST_STAGE = "the latest stage of its pretraining alone was checked"
UNUSED_TRIALS = "Trials lie beside this study, but its runs were not tuned: they are left out."


def question(arms: Sequence[str], baseline: str, tasks: Sequence[str]) -> str:
    """What is compared, as a question; for a study that was not given one."""
    where = phrases.joined([*tasks]) if len(tasks) <= MOST else f"{len(tasks)} tasks"
    if list(arms) == ["scratch", "pretrained"] and baseline == "scratch":
        return f"What do pretrained weights buy on {where}?"
    others = [arm for arm in arms if arm != baseline] or [baseline]
    verb = "does" if len(others) == 1 else "do"
    if baseline not in arms or others == [baseline]:
        return f"What {verb} {phrases.joined(others)} score on {where}?"
    return f"What {verb} {phrases.joined(others)} gain over {baseline} on {where}?"


def no_comparison(arms: Sequence[str], baseline: str) -> str:
    """Why a study has no answer."""
    names = ", ".join(sorted(arms))
    if names == baseline:
        return f"Nothing to compare: the only arm is {names}."
    return f"Nothing to compare: no run of the baseline {baseline}; arms with runs: {names}."


def changed(name: str, first: str, others: Sequence[str], runs: int) -> str:
    later = phrases.plural(runs, "later run")
    return (
        f"The {name} was changed after the first run: {first} was named before, {phrases.joined([*others])} "
        f"by {later}. {first} is used."
    )


def no_common_scale(metrics: Sequence[str]) -> str:
    verb = "has" if len(metrics) == 1 else "have"
    return f"{phrases.joined([*metrics])} {verb} no scale from 0 to 1: conditions cannot be put together"


def narrow_intervals(pairs: int) -> str:
    few = phrases.plural(pairs, "pair")
    return f"With {few} under a condition, these bootstrap intervals are narrower than 95 % would ask for."


def machines(number: int) -> str:
    return f"The runs come from {phrases.plural(number, 'machine')}."


def met_before(found: int, whole: int, of: int, words: int, scope: str) -> str:
    """'0 of 1,020 evaluation rows occur in its pretraining text (...)', and how they occur."""
    passage = f"by {words} words in a row"
    parts = {"as a whole": whole, passage: found - whole}
    how = ", ".join(f"{number:,} {name}" for name, number in parts.items() if number)
    rest = "; ".join(part for part in (how or f"neither as a whole nor {passage}", scope) if part)
    rows, occur = phrases.plural(of, "evaluation row"), "occurs" if found == 1 else "occur"
    text = f"{found:,} of {rows} {occur} in its pretraining text ({rest})"
    return f"{text}: the gain may be memory" if found else text


def not_checked(left: int, runs: int) -> str:
    return f"{left} of {phrases.plural(runs, 'run')} not checked"


def text_not_here(own: bool) -> str:
    return f"nobody can check, the text of {'these' if own else 'the published'} weights is not here"


def may_have_met(why: str) -> str:
    return f"whether it met evaluation rows in pretraining is unknown: {why}"
