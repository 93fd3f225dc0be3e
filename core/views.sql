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

-- The grade of each pair by each annotator: the latest that stands.
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
WHERE action IN ('confirm', 'override')
GROUP BY pair_id, annotator;
