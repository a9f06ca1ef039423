"""Items of benchmarks in training data: what is looked for, and what each item is called."""
