"""Load tests of served models: a load, and AIPerf's metrics."""
