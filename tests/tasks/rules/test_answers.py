"""Rules for questions and tags."""

from __future__ import annotations

from headstart.tasks.rules.answers import beside, best_length, most_frequent, tags_of_words

CONTEXT = "The axis is a number. A dtype is the kind of the result array. Then nothing."


def test_the_words_beside_those_of_the_question() -> None:
    assert beside("What does dtype mean?", CONTEXT, 3) == "is the kind"
    assert beside("Which axis is it?", CONTEXT, 2) == "a number."
    assert beside("kind of result", CONTEXT, 100) == CONTEXT
    assert beside("anything", "", 3) == ""


def test_the_length_is_the_best_on_the_questions() -> None:
    questions, contexts = ["where is it"] * 3, ["where is it in the big house over there"] * 3
    assert best_length(questions, contexts, lambda row, answer: len(answer.split()) == 5) == 5


def test_the_most_frequent_comes_first_and_of_equal_ones_the_first_by_name() -> None:
    assert most_frequent(["b", "a", "b"]) == "b"
    assert most_frequent(["b", "a"]) == "a"


def test_words_have_their_most_frequent_tag() -> None:
    words = [["Ada", "met", "Ada"], ["London", "Ada"]]
    tags = [["B-PER", "O", "O"], ["B-LOC", "B-PER"]]
    tag_of, every = tags_of_words(words, tags)
    assert tag_of == {"Ada": "B-PER", "met": "O", "London": "B-LOC"} and every == "B-PER"
