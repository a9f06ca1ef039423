"""Give the command line and files of a recipe to the trainer's own parser, and print what it made of them as JSON.

Run by the peer's Python in the run directory: ``recipe_parsers.py TRAINER SOURCE WORD...``. SOURCE is a checkout of the
trainer, empty for one that is installed. Each function does what the trainer does before it looks for GPUs and weights:
a word or key that it does not know, a value of the wrong kind, or settings that do not go together end it.

There is no GPU here, so where a parser asks for one, it is told that there is.
"""

import importlib
import json
import os
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar


def trl(words: list[str]) -> dict[str, Any]:
    """``trl NAME``: what ``accelerate launch`` takes, and what is left for the script's dataclasses."""
    from accelerate.commands.launch import launch_command_parser
    from trl.cli.accelerate_config import resolve_accelerate_config_argument
    from trl.cli.commands.training import _subtract_subsequence

    name, rest = words[1], words[2:]
    script = importlib.import_module(f"trl.scripts.{name}")
    parser = script.make_parser(prog=f"trl {name}")
    *_, from_file, from_line = parser.parse_args_and_config(
        rest, return_remaining_strings=True, separate_remaining_strings=True
    )
    launched = resolve_accelerate_config_argument(from_file + from_line)
    told = launch_command_parser().parse_args([*launched, f"{name}.py", *_subtract_subsequence(rest, from_line)])
    parsed, training, model, mixture = parser.parse_args_and_config(told.training_script_args)
    if name == "grpo":
        from trl import rewards

        for reward in parsed.reward_funcs:
            getattr(rewards, reward)
    return {
        "steps": training.max_steps,
        "learning_rate": training.learning_rate,
        "out": training.output_dir,
        "base": model.model_name_or_path,
        "data": mixture.datasets[0].data_files,
        "processes": int(told.num_processes),
        "resume": training.resume_from_checkpoint,
    }


def llama_factory(words: list[str]) -> dict[str, Any]:
    """``llamafactory-cli train FILE``: its five dataclasses, and the entry of the data in ``dataset_info.json``."""
    os.environ["DISABLE_VERSION_CHECK"] = "1"  # of the libraries it trains with
    import llamafactory
    from llamafactory.hparams.parser import get_train_args, read_args

    # Without what its package of data imports for sound and pictures.
    bare = ModuleType("llamafactory.data")
    bare.__path__ = [str(Path(llamafactory.__path__[0]) / "data")]
    sys.modules["llamafactory.data"] = bare
    from llamafactory.data.parser import get_dataset_list

    sys.argv = words[1:]  # as its command line does
    model, data, training, finetuning, _ = get_train_args(read_args())
    (entry,) = get_dataset_list(data.dataset, data.dataset_dir)
    if f'name="{data.template}"' not in (Path(bare.__path__[0]) / "template.py").read_text():
        raise SystemExit(f"no template {data.template}")
    return {
        "steps": training.max_steps,
        "learning_rate": training.learning_rate,
        "out": training.output_dir,
        "base": model.model_name_or_path,
        "data": entry.dataset_name,
        "messages": [entry.messages, entry.role_tag, entry.content_tag, entry.user_tag],
        "finetuning": finetuning.finetuning_type,
    }


def axolotl(words: list[str]) -> dict[str, Any]:
    """``axolotl train FILE``: its pydantic model, which keeps unknown keys; they are refused here."""
    import yaml
    from axolotl.utils.config import validate_config
    from axolotl.utils.dict import DictDefault
    from axolotl.utils.schemas.config import AxolotlInputConfig

    told = yaml.safe_load(Path(words[2]).read_text())
    if unknown := sorted(set(told) - set(AxolotlInputConfig.model_fields)):
        raise SystemExit(f"unknown keys {unknown}")
    capable = {"bf16": True, "tf32": True, "fp8": False, "n_gpu": 1, "n_node": 1, "compute_capability": "sm_90"}
    found = validate_config(DictDefault(told), capabilities=capable, env_capabilities={"torch_version": "2.13.0"})
    return {
        "steps": found.max_steps,
        "learning_rate": found.learning_rate,
        "out": found.output_dir,
        "base": found.base_model,
        "data": found.datasets[0]["path"],
        "adapter": found.adapter,
    }


def verl(words: list[str]) -> dict[str, Any]:
    """``verl.trainer.main_ppo``: hydra's configuration, which refuses unknown keys, and the dataclasses it names."""
    import verl
    from hydra import compose, initialize_config_dir
    from omegaconf import OmegaConf
    from verl.trainer.ppo.utils import need_critic, need_reference_policy
    from verl.utils.config import omega_conf_to_dataclass, validate_config

    folder = Path(verl.__file__).parent / "trainer" / "config"
    with initialize_config_dir(str(folder), version_base=None):
        found = compose("ppo_trainer", overrides=words[3:])
    OmegaConf.resolve(found)
    for part in (found.actor_rollout_ref.actor, found.actor_rollout_ref.rollout, found.algorithm):
        omega_conf_to_dataclass(part)
    validate_config(found, need_reference_policy(found), need_critic(found))
    return {
        "steps": found.trainer.total_training_steps,
        "learning_rate": found.actor_rollout_ref.actor.optim.lr,
        "out": found.trainer.default_local_dir,
        "base": found.actor_rollout_ref.model.path,
        "data": found.data.train_files,
    }


def torchtitan(words: list[str]) -> dict[str, Any]:
    """``-m torchtitan.train``: its ConfigManager, which imports the module of the run."""
    from torchtitan.config import ConfigManager

    sys.path.insert(0, str(Path.cwd()))
    found = ConfigManager().parse_args(words[words.index("torchtitan.train") + 1 :])
    return {
        "steps": found.training.steps,
        "learning_rate": found.optimizer.param_groups[0].optimizer_kwargs["lr"],
        "out": str(Path(found.dump_folder) / found.checkpoint.folder),
        "data": found.dataloader.dataset.dataset.source.load_dataset_kwargs["data_files"],
        "tokens": found.training.num_tokens_per_train_step,
        "seed": found.debug.seed,
    }


def megatron(words: list[str]) -> dict[str, Any]:
    """``pretrain_gpt.py``: its argument parser and its checks."""
    import typing

    import torch

    if sys.version_info < (3, 12):
        typing.override = lambda function: function  # of 3.12, which it asks for
    from megatron.training import arguments

    os.environ |= {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": words[1].partition("=")[2]}
    torch.cuda.get_device_capability = lambda *_: (9, 0)
    torch.cuda.get_device_properties = lambda *_: type("H100", (), {"major": 9, "minor": 0})()
    sys.argv = words[2:]
    found = arguments.parse_args()
    arguments.validate_args(found)
    return {
        "steps": found.train_iters,
        "learning_rate": found.lr,
        "out": found.save,
        "data": found.data_path[0],
        "processes": found.world_size,
        "rows": found.global_batch_size,
    }


def nanotron(words: list[str]) -> dict[str, Any]:
    """``run_train.py --config-file FILE``: its dataclasses, which refuse unknown keys, and their checks."""
    from nanotron.config import get_config_from_file

    # argparse takes the last of an option that is given twice.
    found = get_config_from_file(words[len(words) - words[::-1].index("--config-file")])
    return {
        "steps": found.tokens.train_steps,
        "learning_rate": found.optimizer.learning_rate_scheduler.learning_rate,
        "out": str(found.checkpoints.checkpoints_path),
        "data": found.data_stages[0].data.dataset.dataset_folder[0],
        "resume": str(found.checkpoints.resume_checkpoint_path),
    }


def olmo(words: list[str]) -> dict[str, Any]:
    """``src/examples/llm/train.py``: its arguments, and its configuration with all overrides."""
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location("example", words[2])
    if spec is None or spec.loader is None:
        raise SystemExit(f"{words[2]} is no script")
    script = module_from_spec(spec)
    sys.modules["example"] = script
    spec.loader.exec_module(script)
    sys.argv = words[2:]
    found = script.build_config(*script.parser_args())
    return {
        "steps": found.trainer.max_duration.value,
        "learning_rate": found.train_module.optim.lr,
        "out": found.trainer.save_folder,
        "data": found.dataset.paths[0],
        "tokens": found.data_loader.global_batch_size,
    }


PARSERS = {
    "trl": trl,
    "llama-factory": llama_factory,
    "axolotl": axolotl,
    "verl": verl,
    "torchtitan": torchtitan,
    "megatron-lm": megatron,
    "nanotron": nanotron,
    "olmo-core": olmo,
}


def pretend_there_is_a_gpu() -> None:
    """Parsers of Hugging Face's family refuse bfloat16 without one."""
    import torch

    torch.cuda.is_bf16_supported = lambda *_, **__: True
    try:
        from transformers import training_args
        from transformers.utils import import_utils
    except ImportError:
        return
    for module in (training_args, import_utils):
        module.is_torch_bf16_gpu_available = lambda: True


class _Nothing(type):
    """Of a class that is whatever somebody takes it for: a module's name, a type, a decorator."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Nothing

    def __getitem__(cls, key: object) -> Any:
        return Nothing

    def __call__(cls, *words: Any, **_: Any) -> Any:
        return words[0] if words and callable(words[0]) else Nothing


class Nothing(metaclass=_Nothing):
    """See above."""


class Absent(ModuleType):
    """A package that a trainer imports on its way to the parser, and needs only where there is a GPU."""

    __path__: ClassVar[list[str]] = []
    __version__ = "3.5.0"

    def __getattr__(self, name: str) -> Any:
        return getattr(Nothing, name)


class AbsentFinder(MetaPathFinder, Loader):
    """Imports :class:`Absent` in place of the packages ``names``."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names

    def find_spec(self, name: str, path: object, target: object = None) -> ModuleSpec | None:
        """See ``MetaPathFinder``."""
        return ModuleSpec(name, self, is_package=True) if name.partition(".")[0] in self.names else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """See ``Loader``."""
        return Absent(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """There is nothing to run."""


ABSENT = {"torchtitan": ("triton",), "megatron-lm": ("triton",), "nanotron": ("flash_attn", "triton")}


def main(words: list[str]) -> None:
    """Print what the trainer's parser made of ``words[2:]``."""
    if words[1]:
        for folder in ("src", "."):
            sys.path.insert(0, str(Path(words[1]) / folder))
    pretend_there_is_a_gpu()
    sys.meta_path.append(AbsentFinder(ABSENT.get(words[0], ())))
    print("\n" + json.dumps(PARSERS[words[0]](words[2:])))


if __name__ == "__main__":
    main(sys.argv[1:])
