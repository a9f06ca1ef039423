"""From the hidden vector of a text to the most probable labels: fastText's three losses, in its 32-bit arithmetic.

Source: ``loss.cc`` of fastText (MIT): a Huffman tree of binary decisions (hierarchical softmax), softmax, and one
sigmoid a label from a table of 512 steps. Scores are logarithms of a probability plus 1e-5, as there.
Cost: one dot product for each label, or for each inner node of the tree that may still lead to one of the best.
"""

import math

import numpy as np
from numba import njit

from gristmill.tasks.fasttext.dictionary import Ints
from gristmill.tasks.fasttext.files import SOFTMAX, Floats

SMALLEST = 1e-5
SIGMOID_SLOTS, SIGMOID_LIMIT = 512, 8


@njit(cache=True, nogil=True)
def dot(output: Floats, row: int, hidden: Floats) -> np.float32:
    total = np.float32(0)
    for column in range(len(hidden)):
        total += output[row, column] * hidden[column]
    return total


@njit(cache=True, nogil=True)
def log_of(value: np.float32) -> np.float32:
    return np.float32(math.log(np.float64(value) + SMALLEST))


@njit(cache=True, nogil=True)
def descend(
    hidden: Floats,
    output: Floats,
    left: Ints,
    right: Ints,
    nodes: Ints,
    logs: Floats,
    labels: Ints,
    scores: Floats,
) -> None:
    """The most probable leaves of the tree of hierarchical softmax, skipping branches that cannot hold one."""
    leaves, depth = output.shape[0], 1
    nodes[0], logs[0] = len(left) - 1, 0
    smallest = log_of(np.float32(0))
    while depth:
        depth -= 1
        node, score = nodes[depth], logs[depth]
        if score < smallest or (labels[-1] >= 0 and score < scores[-1]):
            continue
        if left[node] < 0:
            insert(labels, scores, node, score)
            continue
        value = dot(output, node - leaves, hidden)
        share = np.float32(1.0 / np.float64(np.float32(1) + math.exp(-value)))
        nodes[depth], logs[depth] = right[node], score + log_of(share)
        nodes[depth + 1], logs[depth + 1] = left[node], score + log_of(np.float32(1.0 - np.float64(share)))
        depth += 2


@njit(cache=True, nogil=True)
def insert(labels: Ints, scores: Floats, label: int, score: np.float32) -> None:
    """Put a label where it belongs among the best so far; among equals the earlier comes first."""
    place = len(labels)
    while place > 0 and (labels[place - 1] < 0 or scores[place - 1] < score):
        place -= 1
    for later in range(len(labels) - 1, place, -1):
        labels[later], scores[later] = labels[later - 1], scores[later - 1]
    if place < len(labels):
        labels[place], scores[place] = label, score


@njit(cache=True, nogil=True)
def all_outputs(hidden: Floats, output: Floats, loss: int, outputs: Floats) -> None:
    """The probability of every label, by softmax or by one sigmoid each (from fastText's table of 512 steps)."""
    for label in range(len(outputs)):
        outputs[label] = dot(output, label, hidden)
    if loss == SOFTMAX:
        largest, total = outputs.max(), np.float32(0)
        for label in range(len(outputs)):
            outputs[label] = math.exp(outputs[label] - largest)
            total += outputs[label]
        for label in range(len(outputs)):
            outputs[label] /= total
        return
    for label in range(len(outputs)):
        value = outputs[label]
        if value < -SIGMOID_LIMIT:
            outputs[label] = 0
        elif value > SIGMOID_LIMIT:
            outputs[label] = 1
        else:
            slot = np.int64((value + np.float32(SIGMOID_LIMIT)) * np.float32(SIGMOID_SLOTS) / np.float32(16))
            step = np.float32(slot * 16) / np.float32(SIGMOID_SLOTS) - np.float32(SIGMOID_LIMIT)
            outputs[label] = np.float32(1.0 / (1.0 + np.float64(math.exp(-step))))
