"""lm-eval's own answers from a checkpoint: runs in the environment of the peer ``lm-eval``.

    python lm_eval_answers.py ASKED.json ANSWERED.json

``ASKED.json`` has ``checkpoint`` (a folder), ``batch`` (rows), ``model`` (``hf``, or ``local-completions`` with
``url`` and ``name``), ``choices`` (``{"query", "options"}`` each) and ``prompts``, with ``until`` and ``new_tokens``.
Two tasks over JSON files go to ``simple_evaluate``; nothing of lm-eval is replaced. ``ANSWERED.json`` gets
``likelihoods`` (``[log-likelihood, greedy]`` of every option), ``generations`` and ``versions``.
"""

import json
import os
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE", "HF_EVALUATE_OFFLINE")


def task(folder: Path, name: str, documents: list[dict[str, Any]], settings: dict[str, Any]) -> dict[str, Any]:
    """A task over a JSON file."""
    data = folder / f"{name}.jsonl"
    data.write_text("".join(json.dumps(document) + "\n" for document in documents), encoding="utf-8")
    source = {"dataset_path": "json", "dataset_kwargs": {"data_files": {"test": str(data)}}, "test_split": "test"}
    return {"task": name, **source, **settings}


def tasks(asked: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    """The two tasks; those without documents are left out."""
    choices = [{"query": item["query"], "options": item["options"], "gold": 0} for item in asked["choices"]]
    prompts = [{"prompt": prompt} for prompt in asked["prompts"]]
    scored = {
        "output_type": "multiple_choice",
        "doc_to_text": "{{query}}",
        "doc_to_choice": "options",
        "doc_to_target": "gold",
        "target_delimiter": " ",
        "metric_list": [{"metric": "acc"}],
    }
    written = {
        "output_type": "generate_until",
        "doc_to_text": "{{prompt}}",
        "doc_to_target": "",
        "generation_kwargs": {"until": asked["until"], "max_gen_toks": asked["new_tokens"], "do_sample": False},
        "metric_list": [{"metric": "exact_match"}],
    }
    found = []
    if choices:
        found.append(task(folder, "choices", choices, scored))
    if prompts:
        found.append(task(folder, "prompts", prompts, written))
    return found


def main(source: Path, target: Path) -> None:
    """Ask what ``source`` says and write ``target``."""
    asked = json.loads(source.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as place:
        os.environ |= dict.fromkeys(OFFLINE, "1") | {"HF_HOME": place}
        import lm_eval
        import torch
        from lm_eval.tasks import TaskManager

        torch.set_num_threads(1)
        arguments: dict[str, Any] = {"pretrained": asked["checkpoint"], "dtype": "float32"}
        if asked["model"] == "local-completions":
            arguments = {
                "model": asked["name"],
                "base_url": asked["url"] + "/completions",
                "tokenizer": asked["checkpoint"],
                "tokenizer_backend": "huggingface",
                "num_concurrent": 4,
                "max_length": asked["context"],
            }
        elif asked.get("adapter"):
            arguments["peft"] = asked["adapter"]
        results = lm_eval.simple_evaluate(
            model=asked["model"],
            model_args=arguments,
            tasks=tasks(asked, Path(place)),
            num_fewshot=0,
            batch_size=asked["batch"],
            device="cpu",
            task_manager=TaskManager(include_defaults=False),
            log_samples=True,
            bootstrap_iters=0,
        )
    samples = results["samples"]
    answered = {
        "likelihoods": [
            [[float(nats), greedy in (True, "True")] for nats, greedy in sample["filtered_resps"]]
            for sample in sorted(samples.get("choices", []), key=lambda sample: sample["doc_id"])
        ],
        "generations": [
            sample["filtered_resps"][0]
            for sample in sorted(samples.get("prompts", []), key=lambda sample: sample["doc_id"])
        ],
        "versions": {name: version(name) for name in ("lm_eval", "torch", "transformers")},
    }
    target.write_text(json.dumps(answered, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
