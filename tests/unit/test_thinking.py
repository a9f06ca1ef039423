"""What a reasoning model answers: the text after its thinking, however that is marked."""

import pytest

from evals.thinking import after_thinking


@pytest.mark.parametrize(
    ("output", "answer"),
    [
        ("The answer is 5.", "The answer is 5."),
        ("", ""),
        ("<think>4?\n\nNo.</think>\n\n5", "5"),
        ("\n<think>\n4\n</think>\n5", "5"),
        ("<think></think>5", "5"),
        ("<thinking>4</thinking>\n5", "5"),
        ("[THINK]4[/THINK]5", "5"),
        ("<think>a</think>\n<think>b</think>\nc", "c"),
        # the chat template opened the thinking
        ("4, or 3?\n</think>\n\n5", "5"),
        ("No.</think>\n5", "5"),
        ("No. It is 4?</think>The answer is 5", "The answer is 5"),
        ("No.[/THINK] 5", " 5"),
        # indentation is part of a program
        ("<think>x</think>\n\n    return 5\n", "    return 5\n"),
        ("<think>x</think>\r\n \t\r\n    return 5\n", "    return 5\n"),
        # an answer may speak of the mark
        ('    return text.replace("</think>", "")\n', '    return text.replace("</think>", "")\n'),
        ("The mark `</think>` ends it.\nSo 5", "The mark `</think>` ends it.\nSo 5"),
        ("    return text.split('</think>\\n')[1]\n", "    return text.split('</think>\\n')[1]\n"),
        ("<think></think>" * 5000 + "5", "5"),
        ("<think>x</think>The mark </think>\nis 5", "The mark </think>\nis 5"),
    ],
)
def test_the_answer_stands_after_the_thinking(output: str, answer: str) -> None:
    assert after_thinking(output) == answer


@pytest.mark.parametrize("output", ["<think>4, but", "<think>", " <thinking>5</think>", "<think>a</think><think>b"])
def test_thinking_that_never_ends_has_no_answer(output: str) -> None:
    assert after_thinking(output) is None
