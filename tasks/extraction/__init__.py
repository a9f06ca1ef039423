"""From bytes to text: the worker process that extracts, and the client that feeds it and survives its death."""
