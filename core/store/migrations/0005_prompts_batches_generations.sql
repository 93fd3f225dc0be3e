-- Prompt versions that a person saved, never changed: of those with one name the latest counts.
CREATE TABLE db.prompts (
    id UUID PRIMARY KEY,
    name VARCHAR NOT NULL,
    rubric VARCHAR NOT NULL,
    seed INTEGER NOT NULL,
    saved TIMESTAMP NOT NULL
);

-- Audited pairs that are shown to the judge as examples, with the grade they had then.
CREATE TABLE db.prompt_examples (
    prompt_id UUID NOT NULL,
    position INTEGER NOT NULL,
    pair_id UUID NOT NULL,
    grade SMALLINT NOT NULL CHECK (grade BETWEEN 1 AND 5),
    PRIMARY KEY (prompt_id, position)
);

-- Pairs sent to a server's Batch API together. "preparing" until the server's own id is known;
-- "released" when the server judged none of them, so that they wait for a judge again.
CREATE TABLE db.batches (
    id UUID PRIMARY KEY,
    judge_id UUID NOT NULL,
    server VARCHAR NOT NULL,
    remote_id VARCHAR,
    state VARCHAR NOT NULL CHECK (state IN ('preparing', 'waiting', 'done', 'released')),
    remote_status VARCHAR NOT NULL,
    plain BOOLEAN NOT NULL,
    samples INTEGER NOT NULL,
    max_tokens INTEGER NOT NULL,
    pairs INTEGER NOT NULL,
    made TIMESTAMP NOT NULL,
    note VARCHAR NOT NULL
);

CREATE TABLE db.batch_pairs (
    batch_id UUID NOT NULL,
    pair_id UUID NOT NULL,
    PRIMARY KEY (batch_id, pair_id)
);

-- Documents that a model was asked to write queries for, and what came of it.
CREATE TABLE db.generations (
    id UUID PRIMARY KEY,
    document_id UUID NOT NULL,
    model VARCHAR NOT NULL,
    prompt_version VARCHAR NOT NULL,
    asked TIMESTAMP NOT NULL,
    failure VARCHAR,
    prompt_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    seconds DOUBLE PRECISION NOT NULL
);

-- Every query that was written, with the reason why it was not taken; NULL: it was.
CREATE TABLE db.generated_queries (
    generation_id UUID NOT NULL,
    position INTEGER NOT NULL,
    query_id UUID NOT NULL,
    text VARCHAR NOT NULL,
    overlap DOUBLE PRECISION NOT NULL,
    refused VARCHAR,
    PRIMARY KEY (generation_id, position)
);
