"""Write tests/golden/code_extraction.json: the results of upstream's post-processing of generated code.

    python benchmarks/peers/code_extraction.py LM_EVAL BIGCODE OPENCOMPASS > tests/golden/code_extraction.json

The arguments are folders: lm-eval 0.4.13 (with the package ``lm_eval``), bigcode-evaluation-harness (8fc5bae) and
OpenCompass (a5acc4b). Their modules import benchmark data and deep learning libraries, so the functions that matter are
extracted from the sources and run by themselves; one of OpenCompass's uses ``regex`` as ``re``. The outputs are written
for this file.
"""

import ast
import json
import re
import sys
from pathlib import Path
from typing import Any

import regex
import yaml

BODIES = (
    "    return x * x\n",
    "    return x * x",
    "\n    return x * x\n",
    "    y = x\n    return y * x\n\n\ndef other(x):\n    return x\n",
    "    return x * x\n\nprint(answer(3))\n",
    "    return x * x\n\nif __name__ == '__main__':\n    print(answer(3))\n",
    "    return x * x\n\n# check\nassert answer(2) == 4\n",
    "    return x * x\n\nassert answer(2) == 4\n",
    "    return x * x\n\nclass Test:\n    pass\n",
    "    return x * x\n\n@decorated\ndef other(x):\n    return x\n",
    '    return x * x\n\n"""\nmore words\n"""\n',
    "    return x * x\n<file_sep>other.py\nx = 1\n",
    "    return x * x\n```\nThis squares the number.",
    "    return x * x\n<|/code|>",
    "    if x:\n        return x * x\n    return 0\n",
    "    # a comment that is indented\n    return x * x\n",
    "    text = '\\ndef '\n    return x * x\n",
    "\tresult = x * x\n\treturn result\n",
    "    return x * x\r\n\r\ndef other():\r\n    pass\r\n",
    "",
    "\n\n\n",
    "def answer(x):\n    return x * x\n",
    "def answer(x):\n    return x * x\n[DONE]\n",
    "import math\n\ndef answer(x):\n    return math.pow(x, 2)\n[DONE]\n\nYou are an expert Python programmer",
    "x = '[DONE]'",
    "    größe = '平方'\n    return x * x\n\ndef noch(): pass",
)
CHATS = (
    "```python\ndef answer(x):\n    return x * x\n```",
    "Here is the function:\n\n```python\ndef answer(x):\n    return x * x\n```\n\nIt squares its argument.",
    "```\ndef answer(x):\n    return x * x\n```",
    "```py\nimport math\n\ndef answer(x):\n    return x * x\n```\n```python\nprint(answer(3))\n```",
    "First:\n```python\nfirst = 1\n```\nthen:\n```python\ndef answer(x):\n    return x * x\n```",
    "```python\n    return x * x\n```",
    "```python\ndef answer(x):\n    return x * x\n",
    "def answer(x):\n    return x * x\n```",
    "    return x * x\n```\n\n```python\nother = 1\n```",
    "python\ndef answer(x):\n    return x * x\n```",
    "\ndef answer(x):\n    return x * x\n```\nDone.",
    "```python\n\n\ndef answer(x):\n    return x * x\n\n\n```",
    "I cannot write this function.",
    "```text\nno code\n```",
    "``````",
    "```python```",
    "````python\ndef answer(x):\n    return x * x\n````",
    "```python3\ndef answer(x):\n    '''`x` squared'''\n    return x * x\n```",
    "~~~python\ndef answer(x):\n    return x * x\n~~~",
    "  ```python\n  def answer(x):\n      return x * x\n  ```",
    "```python\r\ndef answer(x):\r\n    return x * x\r\n```",
    "[BEGIN]\n'def answer(x):\n    return x * x'\n[DONE]\n\n",
    "[BEGIN]\n 'def answer(x):\n    return x * x'  \n [DONE]\n\nand again:\n[BEGIN]\n'other = 1'\n[DONE]",
    "def answer(x):\n    return x * x'\n[DONE]\n\nYou are an expert Python programmer",
    " def answer(x):\n    return 'x' * x\n'\n[DONE]",
    "BEGIN\n'def answer(x):\n    return x * x'\nDONE",
    "BEGIN def answer(x):\n    return x * x\nDONE. That is it",
    "[BEGIN]\n'def answer(x):\n    return x * x\n",
    "[BEGIN]def answer\\_(x):\n    return x * x\n",
    "[BEGIN]\n```python\ndef answer(x):\n    return x * x\n```\n[DONE]",
    "```python\n[BEGIN]\ndef answer(x):\n    return x * x\n[DONE]\n```\n",
    "'[DONE]",
    "[BEGIN] '[DONE]",
    "' [ DONE",
    "DONE",
    "[[DONE]]",
    "`````",
    "a```b````c",
    "DONE 'x' [DONE] 'y' DONE",
    "函数如下：\n```python\ndef answer(x):\n    return x * x  # 平方\n```\n完成。",
)


def functions(path: Path, *names: str, inside: str = "", patterns: Any = re) -> dict[str, Any]:
    """The functions and methods of these names in a source file, or in its class ``inside``, without the rest of it.

    ``patterns`` is the module that they use as ``re``.
    """
    tree: ast.AST = ast.parse(path.read_text(encoding="utf-8"))
    if inside:
        tree = next(node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.name == inside)
    found = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name in names]
    for node in found:
        node.decorator_list, node.returns = [], None
        for argument in node.args.args:
            argument.annotation = None
    values: dict[str, Any] = {"re": patterns}
    exec(compile(ast.Module(found, []), str(path), "exec"), values)  # noqa: S102 - upstream's own source
    return values


def stop_words(path: Path) -> list[str]:
    """The stop words in the constructor of a bigcode task."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.keyword) and node.arg == "stop_words":
            words: list[str] = ast.literal_eval(node.value)
            return words
    raise LookupError(path)


def until(path: Path) -> list[str]:
    """The stop strings of an lm-eval task."""
    text = re.sub(r"!function \S+", "''", path.read_text(encoding="utf-8"))
    words: list[str] = yaml.safe_load(text)["generation_kwargs"]["until"]
    return words


def main(lm_eval: Path, bigcode: Path, opencompass: Path) -> None:
    """Print the golden file."""
    tasks = lm_eval / "lm_eval" / "tasks"
    generated = functions(lm_eval / "lm_eval" / "models" / "utils.py", "postprocess_generated_text")
    post = generated["postprocess_generated_text"]
    instruct = functions(tasks / "humaneval" / "utils.py", "build_predictions_instruct")["build_predictions_instruct"]
    blocks = functions(tasks / "mbpp" / "utils.py", "extract_code_blocks")["extract_code_blocks"]
    stop_at = functions(bigcode / "bigcode_eval" / "base.py", "_stop_at_stop_token")["_stop_at_stop_token"]
    words = {name: stop_words(bigcode / "bigcode_eval" / "tasks" / f"{name}.py") for name in ("humaneval", "mbpp")}
    datasets = opencompass / "opencompass" / "datasets" / "humaneval.py"
    postprocess = functions(datasets, "humaneval_postprocess_v2")["humaneval_postprocess_v2"]
    mbpp = opencompass / "opencompass" / "datasets" / "mbpp.py"
    answers = functions(mbpp, "_process_answer", inside="MBPPEvaluator", patterns=regex)
    stops = {name: until(tasks / name / f"{name}.yaml") for name in ("humaneval", "mbpp")}
    rules = {
        "lm_eval_humaneval": lambda text: post(text, stops["humaneval"], None),
        "before_fence": lambda text: instruct([[text]], [{"prompt": ""}])[0][0],
        "bigcode_humaneval": lambda text: stop_at(text, words["humaneval"]),
        "opencompass_humaneval": postprocess,
        "lm_eval_mbpp": lambda text: post(text, stops["mbpp"], None),
        "continued_block": blocks,
        "bigcode_mbpp": lambda text: stop_at(text, words["mbpp"]),
        "opencompass_mbpp": lambda text: answers["_process_answer"](None, text),
    }
    outputs = [*BODIES, *CHATS]
    upstream = {name: [rule(text) for text in outputs] for name, rule in rules.items()}
    print(json.dumps({"outputs": outputs, "upstream": upstream}, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
