"""The results of GAOKAO-Bench's own code on outputs: needs a checkout of OpenLMLab/GAOKAO-Bench and nothing installed.

    python gaokao.py CHECKOUT tests/golden/gaokao_upstream.json

Outputs are written for this purpose; answers are read by upstream's ``extract_choice_answer`` and scored by its
``obj_score_eval``. Cost: a second.
"""

import ast
import codecs
import contextlib
import io
import json
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

SINGLE, LITERATURE, CLOZE = "2010-2022_Biology_MCQs", "2010-2022_Chinese_Modern_Lit", "2012-2022_English_Cloze_Test"
PHYSICS, READING = "2010-2022_Physics_MCQs", "2010-2022_English_Reading_Comp"
CASES: list[tuple[str, list[str], list[str]]] = [
    (
        SINGLE,
        ["B"],
        [
            "【解析】略 <eoe>\n【答案】 B <eoa>",
            "B",
            " b",
            "",
            "答案是 B，不是 C",
            "选 C。故 B",
            "A B C D",
            "The answer is B. Done",
            "【答案】E",
            "【答案】B\n题目如下：A",
            "ＢＢ",
        ],
    ),
    (
        LITERATURE,
        ["A", "C", "D"],
        [
            "（1）【答案】 A <eoa>\n（2）【答案】 C <eoa>\n（3）【答案】 D <eoa>",
            "（1）【答案】：A（2）【答案】:C（3）【答案】 D",
            "（1）【答案】 A\n（2）【答案】 B\n（3）【答案】 D",
            "（1）【答案】 A\n（2）【答案】 C",
            "ACD",
            "A C",
            "A、C、D，解析：B 错",
            "我选 A C D",
            "No. A C D",
            "【答案】\n\nA【答案】：：C【答案】D【答案】D",
            "",
        ],
    ),
    (READING, ["B", "B", "D", "A"], ["B, B, D, A", "【答案】BBDA", "1. B 2. B 3. D", "1.B\n2.A\n3.D\n4.A", "b b d a"]),
    (
        CLOZE,
        ["G", "F", "A", "C", "B"],
        ["【答案】 G F A C B <eoa>", "GFACB", "G F A C", "G F A C E D", "H G F A C B", ""],
    ),
    (
        PHYSICS,
        ["BD"],
        [
            "【解析】A 错 <eoe>\n【答案】 BD <eoa>",
            "【解析】略【答案】 B D",
            "【答案】 BD",
            "【解析】略【答案】 B",
            "【解析】略【答案】 BC",
            "【解析】略【答案】 DB",
            "选 BD",
            "B 和 D 都对，而其余两个选项都不对。",
            "所以选择 B",
            "",
        ],
    ),
]
TYPES = {SINGLE: "single_choice", CLOZE: "five_out_of_seven", PHYSICS: "multi_choice"}


def functions(path: Path) -> dict[str, Any]:
    """Functions and constants of a script whose imports are not installed."""
    names: dict[str, Any] = {"re": re, "os": os, "json": json, "codecs": codecs, "List": list, "Union": dict}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            node.returns = None
            for argument in node.args.args:
                argument.annotation = None
        if isinstance(node, ast.FunctionDef | ast.Assign):
            exec(compile(ast.Module([node], []), str(path), "exec"), names)  # noqa: S102 - the person names the checkout
    return names


def score(checkout: Path, keyword: str, gold: list[str], found: list[str]) -> float:
    """Upstream's scoring rate of one entry."""
    scorer = functions(checkout / "Bench" / "OBJ_score_evaluation.py")
    entry = {"index": 0, "score": 6, "standard_answer": gold, "model_answer": found}
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        answers = {"keyword": keyword, "model_name": "m", "example": [entry]}
        Path(folder, "a.json").write_text(json.dumps(answers), encoding="utf-8")
        with contextlib.suppress(ZeroDivisionError):  # subjects without a file
            scorer["obj_score_eval"](folder)
    subjects = scorer["score_dict"]["subject"].values()
    return float(next(value["type"][keyword]["scoring_rate"] for value in subjects if keyword in value["type"]))


def main() -> None:
    """Write the golden file."""
    checkout, out = Path(sys.argv[1]), Path(sys.argv[2])
    extract = functions(checkout / "Bench" / "bench_function.py")["extract_choice_answer"]
    cases = []
    for keyword, gold, outputs in CASES:
        for output in outputs:
            found = extract(output, TYPES.get(keyword, "multi_question_choice"), len(gold))
            value = score(checkout, keyword, gold, list(found))
            cases.append({"subset": keyword, "gold": gold, "output": output, "found": found, "value": value})
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    out.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
