-- What it took to have a suite answered, over all processes that asked a part of it. Kept in the log: it is of a machine.

CREATE TABLE asking_costs (
    checkpoint VARCHAR NOT NULL,
    suite VARCHAR NOT NULL,
    suite_digest VARCHAR NOT NULL,
    backend VARCHAR NOT NULL,
    seconds DOUBLE
);
