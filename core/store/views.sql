-- Views over the base tables, made in the in-memory catalogue each time a store is opened, in
-- DuckDB's own SQL whatever engine holds the tables.

-- The ruling that counts for each pair and judge: the latest one with a score.
CREATE VIEW current_judgments AS
SELECT * FROM db.judgments WHERE score IS NOT NULL
QUALIFY row_number() OVER (PARTITION BY pair_id, judge_id ORDER BY judged DESC, id DESC) = 1;

-- Pairs that a judge could not rule on and has not ruled on since, with the latest reason.
CREATE VIEW open_failures AS
SELECT * FROM db.judgments AS failed
WHERE failure IS NOT NULL
  AND NOT EXISTS (
    SELECT 1 FROM db.judgments AS ruled
    WHERE ruled.score IS NOT NULL
      AND ruled.pair_id = failed.pair_id AND ruled.judge_id = failed.judge_id)
QUALIFY row_number() OVER (PARTITION BY pair_id, judge_id ORDER BY judged DESC, id DESC) = 1;

-- Events that nobody has undone.
CREATE VIEW standing_events AS
SELECT * FROM db.label_events
WHERE action <> 'undo'
  AND id NOT IN (SELECT undoes FROM db.label_events WHERE undoes IS NOT NULL);

-- The grade of each pair by each annotator: the latest that stands. An adjudicated grade is nobody's
-- own: it settles what people differed on, and leaves what they gave as it was.
CREATE VIEW current_labels AS
SELECT
    pair_id,
    annotator,
    arg_max(id, (happened, id)) AS event_id,
    arg_max(action, (happened, id)) AS action,
    arg_max(grade, (happened, id)) AS grade,
    arg_max(judgment_id, (happened, id)) AS judgment_id,
    arg_max(hidden, (happened, id)) AS hidden,
    max(happened) AS happened
FROM standing_events
WHERE action IN ('confirm', 'override') AND adjudicates IS NOT TRUE
GROUP BY pair_id, annotator;

-- The adjudicated grade of each pair that has one: the latest that stands, whoever gave it.
CREATE VIEW adjudicated_labels AS
SELECT
    pair_id,
    arg_max(annotator, (happened, id)) AS annotator,
    arg_max(id, (happened, id)) AS event_id,
    arg_max(action, (happened, id)) AS action,
    arg_max(grade, (happened, id)) AS grade,
    arg_max(judgment_id, (happened, id)) AS judgment_id,
    arg_max(hidden, (happened, id)) AS hidden,
    max(happened) AS happened
FROM standing_events
WHERE action IN ('confirm', 'override') AND adjudicates
GROUP BY pair_id;

-- The labels that make a pair's one grade: the adjudicated one alone, else every person's.
CREATE VIEW deciding_labels AS
SELECT pair_id, annotator, event_id, action, grade, judgment_id, hidden, happened
FROM adjudicated_labels
UNION ALL
SELECT pair_id, annotator, event_id, action, grade, judgment_id, hidden, happened
FROM current_labels WHERE pair_id NOT IN (SELECT pair_id FROM adjudicated_labels);

-- What the latest finished calibration says of each pair that a judge scored.
CREATE VIEW current_calibrated_grades AS
SELECT * FROM db.calibrated_grades
WHERE calibration_id = (SELECT id FROM db.calibrations ORDER BY made DESC, id DESC LIMIT 1);

-- The grade to train on and to export, and where it comes from: people's labels before anything a
-- judge said, the calibrated grade where nobody graded. An adjudicated label counts alone; of several
-- annotators the mean: it is what a calibrated grade is too, the expected grade, and it does not lean
-- to either side.
CREATE VIEW best_grades AS
SELECT
    coalesce(label.pair_id, calibrated.pair_id) AS pair_id,
    coalesce(label.grade, least(5, greatest(1, calibrated.expected))) AS grade,
    CASE WHEN label.pair_id IS NOT NULL THEN 'label' ELSE 'calibrated' END AS source,
    CASE WHEN label.pair_id IS NULL THEN calibrated.calibration_id END AS calibration_id
FROM (SELECT pair_id, avg(grade) AS grade FROM deciding_labels GROUP BY pair_id) AS label
FULL JOIN current_calibrated_grades AS calibrated ON calibrated.pair_id = label.pair_id;
