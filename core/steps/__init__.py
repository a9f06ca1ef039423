"""Steps: pure functions that become cached, resumable, atomic runs over shards of the lake."""
