-- What it took to train a run, over all its attempts. Kept in the log: it is of a machine.

CREATE TABLE training_costs (
    run VARCHAR NOT NULL,
    mixture VARCHAR NOT NULL,
    recipe VARCHAR NOT NULL,
    launcher VARCHAR NOT NULL,
    device VARCHAR NOT NULL,
    processes INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    preemptions INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    tokens_per_second DOUBLE,
    mfu DOUBLE,
    gpu_seconds DOUBLE NOT NULL,
    wasted_seconds DOUBLE NOT NULL,
    wasted_gpu_seconds DOUBLE NOT NULL
);
