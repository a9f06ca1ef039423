"""What a reasoning model answers: the text after its thinking, however that is marked."""

import pytest

from gristmill.evals.scoring.thinking import after_thinking

HARMONY = "<|start|>assistant<|channel|>final<|message|>"


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
        # other marks, and upper case
        ("<THINK>4?</THINK>\n5", "5"),
        ("<Thinking>4?</Thinking>5", "5"),
        ("<thought>4?</thought>5", "5"),
        ("<reasoning>\n4?\n</reasoning>\n<answer>5</answer>", "<answer>5</answer>"),
        ("<seed:think>4?</seed:think>5", "5"),
        ("◁think▷4?◁/think▷5", "5"),
        ("<|begin_of_thought|>4?<|end_of_thought|>\n\n5", "5"),
        ("<|START_THINKING|>4?<|END_THINKING|>5", "5"),
        ("4?</seed:think>5", "5"),
        # what stands before the opening mark
        ("\ufeff<think>4?</think>5", "5"),
        ("<|im_start|>assistant\n<think>\n4?\n</think>\n\n5", "5"),
        ("<\uff5cAssistant\uff5c><think>4?</think>5", "5"),
        ("<|start_header_id|>assistant<|end_header_id|>\n\n<think>4?</think>5", "5"),
        ("assistant\n<think>4?</think>5", "5"),
        ("Let me think about it.\n<think>4?</think>\n5", "5"),
        ("Let me think. <think>4?</think> 5", " 5"),
        ("我先想一想。<think>4?</think>5", "5"),
        ("<think>a</think>Wait.\n<think>4?</think>\n5", "5"),
        ("The answer is 5.\n<think>Or 4?</think>\n", "The answer is 5.\n"),
        ("<think>It speaks of `</think>` and so on. 4?</think>5", "5"),
        ('<think>It is "4"</think>5', "5"),
        ('It is "4"</think>5', "5"),
        ('4?</think>"5"', '"5"'),
        ("4?</think>\\boxed{5}", "\\boxed{5}"),
        ("```python\n4\n</think>\n\n5", "5"),
        # gpt-oss, with and without its special tokens, and after a template that opened the channel
        (f"<|channel|>analysis<|message|>4?<|end|>{HARMONY}5<|return|>", "5"),
        (f"<|start|>assistant<|channel|>analysis<|message|>4?<|end|>{HARMONY}5", "5"),
        (f"4?<|end|>{HARMONY}5<|return|>", "5"),
        ('<|channel|>final <|constrain|>json<|message|>"5"<|return|>', '"5"'),
        ("analysisIs it 4? No.assistantfinal5", "5"),
        ("analysis of the question: 5", "analysis of the question: 5"),
        ("<think>x</think>The mark </think>\nis 5", "The mark </think>\nis 5"),
    ],
)
def test_the_answer_stands_after_the_thinking(output: str, answer: str) -> None:
    assert after_thinking(output) == answer


@pytest.mark.parametrize(
    "output",
    [
        "    return re.sub(r'<think>.*?</think>', '', text)\n",
        '    """Drop what a model thinks.\n\n    <think>4</think> is dropped.\n    """\n    return text\n',
        '    """\n    <think>4</think>\n    """\n    return text\n',
        "    # stops at </think>\n    return text\n",
        "    return text[:9]  # stops at </think>\n",
        "    // stops at </think>\n    return text;\n",
        "Here it is:\n```html\n<think>4</think>\n```\nThat is all.",
        "Here it is:\n```html\n<p>4</think></p>\n```\nThat is all.",
        "It writes `<think> ... </think>` first. So 5",
        'It writes "thoughts until </think> and more" first. So 5',
        "The tags are <reasoning> and </reasoning>, so 5",
        "print('<|channel|>final<|message|>')",
        "x" * 400 + ".\n<think>4</think>5",
    ],
)
def test_an_answer_may_speak_of_the_marks(output: str) -> None:
    assert after_thinking(output) == output


@pytest.mark.parametrize(
    ("output", "answer"),
    [
        ("4?\n[done]\n\n5", "5"),
        ("4?[done]No.[done]5", "5"),
        ('4?[done]print("[done]")', 'print("[done]")'),
        ("<think>4?[done]5", "5"),
        ("4?", None),
    ],
)
def test_the_end_of_thinking_may_be_named(output: str, answer: str | None) -> None:
    assert after_thinking(output, "[done]") == answer


@pytest.mark.parametrize(
    "output",
    ['"</think>"' * 50_000, "<think>`</think>`" * 30_000, "# </think>\n" * 50_000, ".\n<think></think>" * 30_000],
)
def test_an_output_full_of_marks_has_an_answer(output: str) -> None:
    assert after_thinking(output) is not None


@pytest.mark.parametrize(
    "output",
    [
        "<think>4, but",
        "<think>",
        " <thinking>5</think>",
        "<think>a</think><think>b",
        "<|channel|>analysis<|message|>4?<|end|>",
        "Let me think.\n<think>4?",
    ],
)
def test_thinking_that_never_ends_has_no_answer(output: str) -> None:
    assert after_thinking(output) is None
