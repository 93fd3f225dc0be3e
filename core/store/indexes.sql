-- PostgreSQL's own indexes over the base tables, made by `rejudge team setup`: DuckDB's file needs
-- none, but a server is asked over and over for the few rows of the pairs that come next.

CREATE INDEX IF NOT EXISTS judgments_of_pair ON judgments (pair_id);
CREATE INDEX IF NOT EXISTS judgments_of_judge ON judgments (judge_id, pair_id);
CREATE INDEX IF NOT EXISTS label_events_of_pair ON label_events (pair_id);
CREATE INDEX IF NOT EXISTS label_events_of_annotator ON label_events (annotator, happened);
CREATE INDEX IF NOT EXISTS documents_by_path ON documents (path);
CREATE INDEX IF NOT EXISTS calibrated_grades_of_pair ON calibrated_grades (calibration_id, pair_id);
CREATE INDEX IF NOT EXISTS eval_results_of_eval ON eval_results (eval_id);
