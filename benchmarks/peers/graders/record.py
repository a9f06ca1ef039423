"""Write tests/golden/conventions_*.json: the upstream scorers' results on the outputs of ``cases.py``.

    python benchmarks/peers/graders/record.py SOURCES tests/golden
    python benchmarks/peers/graders/record_math_verify.py tests/golden

Run the first where lm-eval 0.4.13, math-verify 0.9.0, antlr4-python3-runtime 4.11 (lm-eval demands that one), SymPy
1.14, NLTK 3.10.4 and its ``punkt_tab`` are installed, the second where math-verify has ANTLR 4.13.2, which its own
guide recommends: math_verify has a grammar for each version of ANTLR, and they differ. Neither needs Gristmill. SOURCES
is a folder with these files of upstream:

    evaluate-v1.1.py, evaluate-v2.0.py           the official SQuAD scripts
    drop_eval.py                                 allenai/allennlp-reading-comprehension 14fc0a4, allennlp_rc/eval
    cmrc2018_evaluate.py                         ymcui/cmrc2018 c0eb1b6, baseline (version 6, Python 3)
    cmath_utils.py                               XiaoMi/cmath 9fa13ef, utils.py
    math_equivalence.py, hendrycks_util.py       hendrycks/math 985bdc1, modeling and modeling/dataset/util.py
    mgsm_eval.py                                 openai/simple-evals ee3b031
    opencompass_{gsm8k,math,cmrc,squad20}.py     open-compass/opencompass a5acc4b, opencompass/datasets
    opencompass_text_postprocessors.py           the same, opencompass/utils
    opencompass_icl_em_evaluator.py              the same, opencompass/openicl/icl_evaluator

Scripts that import frameworks are not imported: their functions and classes run by themselves. There is one change:
CMATH's ``has_exception`` takes one argument but is called with two, so the published script fails on every answer; the
second argument is dropped here.
"""

import ast
import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nltk
import numpy
from cases import FAMILIES, Case
from lm_eval.api.metrics import exact_match_hf_evaluate
from lm_eval.filters.extraction import RegexFilter, WhitespaceFilter

Scorer = Callable[[list[list[str]], str, str], float]
KNOWN = ("re", "string", "json", "math", "collections", "typing", "numpy", "scipy", "nltk")
FLEXIBLE = r"(-?[$0-9.,]{2,})|(-?[0-9]+)"
GSM8K_IGNORED = [",", "\\$", "(?s).*#### ", "\\.$"]


def load(path: Path) -> dict[str, Any]:
    """Functions, classes and constants of a script, without what it imports from frameworks or runs."""
    names: dict[str, Any] = {"BaseEvaluator": object, "__name__": path.stem}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            node.decorator_list = []
        elif isinstance(node, ast.Import):
            node.names = [name for name in node.names if name.name.split(".")[0] in KNOWN]
            if not node.names:
                continue
        elif isinstance(node, ast.ImportFrom):
            if (node.module or ".").split(".")[0] not in KNOWN:
                continue
        elif not isinstance(node, ast.Assign):
            continue
        if isinstance(node, ast.ClassDef) and not node.name.endswith("Evaluator"):
            continue
        code = compile(ast.Module([node], []), str(path), "exec")
        exec(code, names)  # noqa: S102 - published scorers, which the person who runs this put into SOURCES
    return names


def harness(pattern: str, index: int, **options: Any) -> Scorer:
    """lm-eval's regular expression filter and its exact match."""
    extract = RegexFilter(regex_pattern=pattern, group_select=index)

    def score(golds: list[list[str]], _solution: str, output: str) -> float:
        found = next(iter(extract.apply([[output]], [{}])))
        return exact(found, golds, options)

    return score


def exact(found: list[str], golds: list[list[str]], options: dict[str, Any]) -> float:
    return max(
        float(
            exact_match_hf_evaluate(predictions=found, references=[gold[0]], ignore_case=True, **options)["exact_match"]
        )
        for gold in golds
    )


def scorers(sources: Path) -> dict[str, dict[str, Scorer]]:
    """By family and convention."""
    v1, v2 = load(sources / "evaluate-v1.1.py"), load(sources / "evaluate-v2.0.py")
    official_drop, official_cmrc = load(sources / "drop_eval.py"), load(sources / "cmrc2018_evaluate.py")
    cmath, simple = load(sources / "cmath_utils.py"), load(sources / "mgsm_eval.py")
    hendrycks = {**load(sources / "hendrycks_util.py"), **load(sources / "math_equivalence.py")}
    text = load(sources / "opencompass_text_postprocessors.py")
    oc_gsm8k, oc_cmrc = load(sources / "opencompass_gsm8k.py"), load(sources / "opencompass_cmrc.py")
    oc_math = load(sources / "opencompass_math.py")
    judge = object.__new__(oc_math["MATHEvaluator"])
    judge.version = "v2"
    oc_squad, oc_match = load(sources / "opencompass_squad20.py"), load(sources / "opencompass_icl_em_evaluator.py")
    for names in (oc_squad, oc_match):
        names["general_postprocess"] = text["general_postprocess"]
    published = cmath["has_exception"]
    cmath["has_exception"] = lambda answer, _unused: published(answer)
    minerva = importlib.import_module("lm_eval.tasks.minerva_math.utils")
    lm_hendrycks = importlib.import_module("lm_eval.tasks.hendrycks_math.utils")
    lm_drop = importlib.import_module("lm_eval.tasks.drop.utils")

    def boxed(string: str | None) -> str | None:
        """``remove_boxed`` of hendrycks/math ``modeling/eval_math_gpt.py``, which imports a model."""
        left = "\\boxed{"
        return string[len(left) : -1] if string and string.startswith(left) and string.endswith("}") else None

    def drop(index: int) -> Scorer:
        def score(golds: list[list[str]], _solution: str, output: str) -> float:
            best = 0.0
            for gold in golds:
                measured = official_drop["get_metrics"](output, tuple(gold))
                if measured != lm_drop.get_metrics([output], tuple(gold)):
                    raise SystemExit(f"AllenNLP and lm-eval disagree on {output!r}, {gold!r}")
                if gold[0].strip():
                    best = max(best, float(measured[index]))
            return best

        return score

    def squad2(name: str) -> Scorer:
        def score(golds: list[list[str]], _solution: str, output: str) -> float:
            answers = [gold[0] for gold in golds if v2["normalize_answer"](gold[0])] or [""]
            return max(float(v2[name](answer, output)) for answer in answers)

        return score

    def letter(find: Callable[[str, str], str]) -> Scorer:
        def score(golds: list[list[str]], _solution: str, output: str) -> float:
            count, right = map(int, golds[0][0].split())
            options = "ABCDEFGHIJ"[:count]
            return float(find(output, options) == options[right])

        return score

    def mgsm_simple(prefix: str) -> Scorer:
        return lambda golds, _, out: float(simple["score_mgsm"](golds[0][0], simple["parse_answer"](out, prefix)))

    def minerva_metric(name: str) -> Scorer:
        def score(golds: list[list[str]], solution: str, output: str) -> float:
            answer = minerva.normalize_final_answer(golds[0][0])
            document = {"answer": answer, "solution": solution or f"\\boxed{{{golds[0][0]}}}"}
            return float(minerva.process_results(document, [output])[name])

        return score

    def first(golds: list[list[str]]) -> list[str]:
        return [gold[0] for gold in golds]

    return {
        "numbers": {
            "gsm8k.strict": harness("#### (\\-?[0-9\\.\\,]+)", 0, regexes_to_ignore=GSM8K_IGNORED),
            "gsm8k.flexible": harness(FLEXIBLE, -1, regexes_to_ignore=GSM8K_IGNORED),
            "gsm8k.cot": harness("The answer is (\\-?[0-9\\.\\,]+).", 0, regexes_to_ignore=GSM8K_IGNORED),
            "gsm8k.opencompass": lambda golds, _, out: float(
                oc_gsm8k["Gsm8kEvaluator"]().is_equal(
                    oc_gsm8k["gsm8k_postprocess"](out), oc_gsm8k["gsm8k_dataset_postprocess"]("#### " + golds[0][0])
                )
            ),
            "mgsm.direct": lambda golds, _, out: exact(
                next(iter(WhitespaceFilter().apply([[out]], [{}]))), golds, {"ignore_punctuation": True}
            ),
            "mgsm.flexible": harness(FLEXIBLE, -1, ignore_punctuation=True),
            "mgsm.cot-en": harness("The answer is (\\-?[0-9\\.\\,]+)", 0, ignore_punctuation=True),
            "mgsm.cot-zh": harness("答案是 (\\-?[0-9\\.\\,]+)。", 0, ignore_punctuation=True),
            "mgsm.simple-evals-en": mgsm_simple("Answer"),
            "mgsm.simple-evals-zh": mgsm_simple("答案"),
        },
        "cmath": {
            "cmath.official": lambda golds, _, out: float(
                cmath["match_digit_response"](golds[0][0], cmath["extract_digits_prediction"](out))
            )
        },
        "mathematics": {
            "math.hendrycks": lambda golds, _, out: float(
                hendrycks["is_equiv"](boxed(hendrycks["last_boxed_only_string"](out)), golds[0][0])
            ),
            "math.hendrycks-lm-eval": lambda golds, _, out: float(
                lm_hendrycks.process_results({"solution": f"\\boxed{{{golds[0][0]}}}"}, [out])["exact_match"]
            ),
            "math.opencompass": lambda golds, _, out: float(
                judge.is_equiv(oc_math["math_postprocess_v2"](out), golds[0][0])
            ),
            "math.minerva": minerva_metric("exact_match"),
            "math.verify antlr-4.11": minerva_metric("math_verify"),
        },
        "spans": {
            "squad.em": lambda golds, _, out: float(
                v1["metric_max_over_ground_truths"](v1["exact_match_score"], out, first(golds))
            ),
            "squad.f1": lambda golds, _, out: float(
                v1["metric_max_over_ground_truths"](v1["f1_score"], out, first(golds))
            ),
            "squad2.em": squad2("compute_exact"),
            "squad2.f1": squad2("compute_f1"),
            "squad.opencompass": lambda golds, _, out: (
                oc_squad["SQuAD20Evaluator"]().score([out], [first(golds)])["score"] / 100
            ),
        },
        "drop": {"drop.em": drop(0), "drop.f1": drop(1)},
        "cmrc": {
            "cmrc.em": lambda golds, _, out: float(official_cmrc["calc_em_score"](first(golds), out)),
            "cmrc.f1": lambda golds, _, out: float(official_cmrc["calc_f1_score"](first(golds), out)),
            "cmrc.opencompass": lambda golds, _, out: (
                oc_match["EMEvaluator"]().score([oc_cmrc["cmrc_postprocess"](out)], [first(golds)])["score"] / 100
            ),
        },
        "letters": {
            "letter.first-capital": letter(lambda out, _: text["first_capital_postprocess"](out)),
            "letter.last-capital": letter(lambda out, _: text["last_capital_postprocess"](out)),
            "letter.last-option": letter(text["last_option_postprocess"]),
            "letter.opencompass": letter(text["first_option_postprocess"]),
        },
    }


def scored(case: Case, found: dict[str, Scorer]) -> dict[str, Any]:
    """One case with the value of every scorer."""
    golds, solution, output = case
    values = {name: round(float(numpy.asarray(score(golds, solution, output))), 12) for name, score in found.items()}
    return {"answers": golds, "solution": solution, "output": output, "values": values}


def main() -> None:
    """Write one file per family."""
    sources, place = Path(sys.argv[1]), Path(sys.argv[2])
    nltk.word_tokenize("a.")  # fails here, with a hint, if the sentence model is missing
    for family, found in scorers(sources).items():
        cases = [scored(case, found) for case in FAMILIES[family]()]
        lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
        (place / f"conventions_{family}.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")
        means = {name: round(sum(case["values"][name] for case in cases) / len(cases), 3) for name in found}
        print(family, len(cases), means)


if __name__ == "__main__":
    main()
