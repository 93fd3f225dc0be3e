-- Training runs, as far as their folders tell: a row follows its folder and outlives it. The worker
-- never opens the store; who opens it reads the folders and writes what is new.

CREATE TABLE db.runs (
    id VARCHAR PRIMARY KEY,
    created TIMESTAMP NOT NULL,
    config VARCHAR NOT NULL,
    status VARCHAR NOT NULL,
    step INTEGER NOT NULL,
    steps INTEGER NOT NULL,
    loss DOUBLE PRECISION,
    metric DOUBLE PRECISION,
    seconds DOUBLE PRECISION NOT NULL,
    reason VARCHAR NOT NULL,
    told BIGINT NOT NULL
);

-- Which evals show what a run changed, on each spec that was chosen at its start; told is how many
-- bytes of events the run had then, so that a run that went on is evaluated anew.
CREATE TABLE db.run_evals (
    run_id VARCHAR NOT NULL,
    spec_name VARCHAR NOT NULL,
    side VARCHAR NOT NULL CHECK (side IN ('before', 'after')),
    eval_id UUID NOT NULL,
    told BIGINT NOT NULL
);
