"""The peak FLOP/s of GPUs, for the model FLOPs utilisation (MFU) of a run.

Dense bf16 tensor-core peaks from NVIDIA's data sheets, without sparsity; of a card in several forms, the SXM
one. A card that is not listed has no MFU: none is better than a wrong one.
"""

import shutil
import subprocess

PEAK_FLOPS = {
    "B200": 2250e12,
    "GH200": 989e12,
    "H200": 989e12,
    "H100 PCIe": 756e12,
    "H100 NVL": 835e12,
    "H100": 989e12,
    "A100": 312e12,
    "L40S": 362e12,
    "L4": 121e12,
    "A10G": 70e12,
    "RTX 4090": 165e12,
}


def peak_flops(name: str) -> float | None:
    """Peak bf16 FLOP/s of a card as ``nvidia-smi`` names it; None when it is not known."""
    words = name.replace("-", " ").split()
    fits = [card for card in PEAK_FLOPS if all(word in words for word in card.split())]
    return PEAK_FLOPS[max(fits, key=len)] if fits else None


def device_name() -> str:
    """The first GPU of this machine; empty where there is none or ``nvidia-smi`` does not answer."""
    if shutil.which("nvidia-smi") is None:
        return ""
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except subprocess.TimeoutExpired:
        return ""
    return done.stdout.splitlines()[0].strip() if done.returncode == 0 and done.stdout.strip() else ""


def utilisation(tokens_per_second: float, flops_per_token: float, gpus: int, name: str) -> float | None:
    """MFU in 0..1: the FLOPs the model needs over what ``gpus`` cards could do; None where either is not known."""
    peak = peak_flops(name)
    if peak is None or gpus < 1 or not flops_per_token:
        return None
    return tokens_per_second * flops_per_token / (peak * gpus)
