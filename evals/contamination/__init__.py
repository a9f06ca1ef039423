"""Items of benchmarks in training data: what is looked for, what each item is called, scores without the seen ones."""
