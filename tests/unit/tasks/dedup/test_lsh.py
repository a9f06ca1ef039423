"""datasketch's optimiser and its Redis-backed index beside our signatures."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from gristmill.core.errors import GristmillError, UsageError
from gristmill.tasks.dedup.lsh import RedisConfig, RedisIndex, optimal_shape
from gristmill.tasks.dedup.minhash import PRESETS, MinHashConfig, buckets, signatures
from gristmill.tasks.dedup.shingles import shingle

CONFIG = MinHashConfig(bands=6, rows=3)
WORDS = [f"word{number}" for number in range(400)]
TEXTS = {f"doc{start}": " ".join(WORDS[start : start + 120]) for start in range(0, 240, 12)}


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisConfig]:
    """A Redis of our own on loopback, that keeps nothing."""
    command = shutil.which("redis-server")
    if command is None:
        pytest.skip("needs redis-server on the path")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    folder = tmp_path_factory.mktemp("redis")
    words = [command, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with (Path(folder) / "log").open("wb") as log, subprocess.Popen(words, stdout=log, stderr=log) as server:
        try:
            _wait(port)
            yield RedisConfig(host="127.0.0.1", port=port)
        finally:
            server.terminate()


def _wait(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("redis-server did not answer")


def test_the_optimiser_gives_the_shapes_that_its_users_ship() -> None:
    """text-dedup and Data-Juicer copied it: 24 x 10 of 240 and 25 x 10 of 256 permutations at 0.7."""
    for name, threshold, permutations in (("text-dedup", 0.7, 240), ("data-juicer", 0.7, 256), ("rpv2@0.8", 0.8, 128)):
        assert optimal_shape(threshold, permutations) == (PRESETS[name].bands, PRESETS[name].rows)


def test_weights_move_the_shape_and_nonsense_is_refused() -> None:
    recall, precision = (optimal_shape(0.7, 64, weights) for weights in ((0.1, 0.9), (0.9, 0.1)))
    assert recall[1] < precision[1]
    with pytest.raises(UsageError, match=r"threshold 1\.5"):
        optimal_shape(1.5, 128)


def test_an_index_nobody_serves_is_an_error_that_says_where() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        with pytest.raises(GristmillError, match=r"no Redis answers at 127\.0\.0\.1"):
            RedisIndex(CONFIG, RedisConfig(host="127.0.0.1", port=int(probe.getsockname()[1])))


def test_the_index_answers_what_the_bands_say(redis_server: RedisConfig) -> None:
    found = signatures(shingle(pa.array(TEXTS.values()), CONFIG.shingles), CONFIG)
    names = list(TEXTS)
    index = RedisIndex(CONFIG, redis_server)
    assert index.insert(names, found) == len(names)
    assert index.insert(names[:5], found[:5]) == 0
    places = buckets(found, CONFIG)
    expected = [
        sorted(names[other] for other in range(len(names)) if (places[other] == places[place]).any())
        for place in range(len(names))
    ]
    assert index.query(found) == expected
    assert any(len(row) > 1 for row in expected)

    again = RedisIndex(CONFIG, redis_server)  # another process would find the same
    assert again.query(found) == expected
    assert again.remove([names[0], "never seen"]) == 1
    assert names[0] not in {name for row in index.query(found) for name in row}


def test_another_shape_is_another_index(redis_server: RedisConfig) -> None:
    other = CONFIG.model_copy(update={"seed": 2})
    found = signatures(shingle(pa.array(TEXTS.values()), other.shingles), other)
    assert RedisIndex(other, redis_server).query(found) == [[] for _ in np.arange(len(found))]
