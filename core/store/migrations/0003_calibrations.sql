-- Calibrations, each one fit, never changed; and what the latest says of each judged pair. A
-- calibration is inserted after its grades, so grades of an unfinished one belong to none.

CREATE TABLE db.calibrations (
    id UUID PRIMARY KEY,
    made TIMESTAMP NOT NULL,
    method VARCHAR NOT NULL CHECK (method IN ('identity', 'confusion', 'isotonic', 'ordinal')),
    labels INTEGER NOT NULL,
    pairs INTEGER NOT NULL,
    queries INTEGER NOT NULL,
    judges VARCHAR NOT NULL,
    parameters VARCHAR NOT NULL,
    rps_raw DOUBLE PRECISION NOT NULL,
    rps_calibrated DOUBLE PRECISION NOT NULL,
    figures VARCHAR NOT NULL,
    graded BIGINT NOT NULL
);

-- P(grade = 1..5), their mean, and the ends of the 90% prediction set.
CREATE TABLE db.calibrated_grades (
    calibration_id UUID NOT NULL,
    pair_id UUID NOT NULL,
    p1 DOUBLE PRECISION NOT NULL,
    p2 DOUBLE PRECISION NOT NULL,
    p3 DOUBLE PRECISION NOT NULL,
    p4 DOUBLE PRECISION NOT NULL,
    p5 DOUBLE PRECISION NOT NULL,
    expected DOUBLE PRECISION NOT NULL,
    low SMALLINT NOT NULL CHECK (low BETWEEN 1 AND 5),
    high SMALLINT NOT NULL CHECK (high BETWEEN 1 AND 5)
);
