-- The base tables. Plain SQL that DuckDB runs against its own file and against an attached
-- PostgreSQL alike: no foreign keys, no secondary indexes, no enums, no sequences.

CREATE TABLE db.documents (
    id UUID PRIMARY KEY,
    path VARCHAR NOT NULL,
    symbol VARCHAR NOT NULL,
    kind VARCHAR NOT NULL CHECK (kind IN ('file', 'module', 'function', 'method', 'class', 'snippet')),
    language VARCHAR NOT NULL,
    start_line INTEGER,
    end_line INTEGER,
    text VARCHAR NOT NULL,
    in_corpus BOOLEAN NOT NULL,
    added TIMESTAMP NOT NULL
);

CREATE TABLE db.queries (
    id UUID PRIMARY KEY,
    text VARCHAR NOT NULL,
    kind VARCHAR CHECK (kind IN ('semantic', 'keyword')),
    variation_of VARCHAR,
    origin VARCHAR NOT NULL,
    added TIMESTAMP NOT NULL
);

CREATE TABLE db.pairs (
    id UUID PRIMARY KEY,
    query_id UUID NOT NULL,
    document_id UUID NOT NULL,
    origin VARCHAR NOT NULL,
    inclusion_probability DOUBLE PRECISION
        CHECK (inclusion_probability > 0 AND inclusion_probability <= 1),
    added TIMESTAMP NOT NULL
);

CREATE TABLE db.judges (
    id UUID PRIMARY KEY,
    name VARCHAR NOT NULL,
    kind VARCHAR NOT NULL CHECK (kind IN ('llm', 'lexical', 'imported', 'sample')),
    model VARCHAR NOT NULL,
    prompt_version VARCHAR NOT NULL,
    prompt VARCHAR NOT NULL,
    parameters VARCHAR NOT NULL,
    added TIMESTAMP NOT NULL
);

-- One ruling each, never changed: a score, or a failure with its reason and no score.
CREATE TABLE db.judgments (
    id UUID PRIMARY KEY,
    pair_id UUID NOT NULL,
    judge_id UUID NOT NULL,
    judged TIMESTAMP NOT NULL,
    score SMALLINT CHECK (score BETWEEN 1 AND 5),
    failure VARCHAR,
    p1 DOUBLE PRECISION,
    p2 DOUBLE PRECISION,
    p3 DOUBLE PRECISION,
    p4 DOUBLE PRECISION,
    p5 DOUBLE PRECISION,
    rationale VARCHAR NOT NULL,
    prompt_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    seconds DOUBLE PRECISION NOT NULL,
    CHECK ((score IS NULL) <> (failure IS NULL))
);

-- What people did, never changed: an undo is an event that names the undone one.
CREATE TABLE db.label_events (
    id UUID PRIMARY KEY,
    happened TIMESTAMP NOT NULL,
    pair_id UUID NOT NULL,
    annotator VARCHAR NOT NULL,
    action VARCHAR NOT NULL
        CHECK (action IN ('confirm', 'override', 'skip', 'flag', 'note', 'undo')),
    grade SMALLINT CHECK (grade BETWEEN 1 AND 5),
    judgment_id UUID,
    hidden BOOLEAN NOT NULL,
    milliseconds INTEGER,
    note VARCHAR,
    undoes UUID,
    strategy VARCHAR,
    inclusion_probability DOUBLE PRECISION,
    CHECK ((action IN ('confirm', 'override')) = (grade IS NOT NULL)),
    CHECK ((action = 'undo') = (undoes IS NOT NULL))
);

CREATE TABLE db.specs (
    id UUID PRIMARY KEY,
    name VARCHAR NOT NULL,
    corpus VARCHAR NOT NULL,
    added TIMESTAMP NOT NULL
);

CREATE TABLE db.spec_queries (
    spec_id UUID NOT NULL,
    position INTEGER NOT NULL,
    query_id UUID NOT NULL,
    spec_key VARCHAR NOT NULL,
    kind VARCHAR CHECK (kind IN ('semantic', 'keyword')),
    PRIMARY KEY (spec_id, position)
);

CREATE TABLE db.spec_relevant (
    spec_id UUID NOT NULL,
    query_id UUID NOT NULL,
    path VARCHAR NOT NULL,
    grade SMALLINT CHECK (grade BETWEEN 1 AND 5)
);
