"""From bytes to text: the worker process that does it, and the pool that feeds the worker and survives its death."""
