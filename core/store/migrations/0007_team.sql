-- What several people need: settings of the store itself, and who has which pair in hand.

CREATE TABLE db.store_settings (
    name VARCHAR PRIMARY KEY,
    value VARCHAR NOT NULL
);

-- A pair in somebody's hands until the lease runs out, by the clock of the store.
CREATE TABLE db.leases (
    pair_id UUID NOT NULL,
    annotator VARCHAR NOT NULL,
    expires TIMESTAMP NOT NULL,
    PRIMARY KEY (pair_id, annotator)
);

-- Whether a grade settles what people differed on.
ALTER TABLE db.label_events ADD COLUMN adjudicates BOOLEAN;
