"""Experiments: which documents each arm holds, how its shares follow, and the plan of an arm for a seed."""
