"""What a scatter step wrote for one of the files that it read."""

from gristmill.core.manifest import Manifest, Ref
from gristmill.core.steps.kinds import shard_key


def scattered(manifest: Manifest, first: Ref) -> tuple[Ref, ...]:
    """The files for ``first``, of the first table that was read: one for each table that the step writes.

    Shard names alone do not tell: two sources may hold the same input file.
    """
    key = shard_key(manifest.key, first)
    return tuple(ref for ref in manifest.outputs if (ref.shard, ref.key) == (first.shard, key))
