-- Evals: what each was run with, what it found for each query, and its figures. An eval is written
-- whole, in one transaction, and never changed.

CREATE TABLE db.evals (
    id UUID PRIMARY KEY,
    spec_id UUID NOT NULL,
    spec_name VARCHAR NOT NULL,
    retriever VARCHAR NOT NULL,
    parameters VARCHAR NOT NULL,
    checkpoint VARCHAR NOT NULL,
    corpus_hash VARCHAR NOT NULL,
    documents INTEGER NOT NULL,
    k INTEGER NOT NULL,
    started TIMESTAMP NOT NULL,
    finished TIMESTAMP NOT NULL
);

-- One row for each query. "rank" is that of the first relevant result, NULL when none was among the
-- results kept. A query that could not be scored says why in "problem".
CREATE TABLE db.eval_queries (
    eval_id UUID NOT NULL,
    position INTEGER NOT NULL,
    query_id UUID NOT NULL,
    kind VARCHAR CHECK (kind IN ('semantic', 'keyword')),
    rank INTEGER,
    problem VARCHAR,
    PRIMARY KEY (eval_id, position)
);

-- The paths that were wanted, as they stood then, and where each was found.
CREATE TABLE db.eval_relevant (
    eval_id UUID NOT NULL,
    position INTEGER NOT NULL,
    path VARCHAR NOT NULL,
    grade SMALLINT CHECK (grade BETWEEN 1 AND 5),
    rank INTEGER
);

-- The best results of each query.
CREATE TABLE db.eval_results (
    eval_id UUID NOT NULL,
    position INTEGER NOT NULL,
    rank INTEGER NOT NULL,
    path VARCHAR NOT NULL,
    document_id UUID,
    score DOUBLE PRECISION NOT NULL
);

-- Means over the scored queries with their 95% intervals; "kind" is empty for all queries together.
CREATE TABLE db.eval_figures (
    eval_id UUID NOT NULL,
    kind VARCHAR NOT NULL,
    position INTEGER NOT NULL,
    metric VARCHAR NOT NULL,
    queries INTEGER NOT NULL,
    mean DOUBLE PRECISION NOT NULL,
    low DOUBLE PRECISION NOT NULL,
    high DOUBLE PRECISION NOT NULL
);

-- What a person should know about the figures: a path that no document has, a query given twice.
CREATE TABLE db.eval_notices (
    eval_id UUID NOT NULL,
    position INTEGER NOT NULL,
    notice VARCHAR NOT NULL
);
