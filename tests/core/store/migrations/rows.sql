-- Rows for every table, under the number of the migration that brings it. A new migration adds
-- rows for its own tables and columns; what stands here for a released one stays.

-- 0001
INSERT INTO db.documents VALUES
    ('00000000-0000-4000-8000-0000000000d1', 'src/watcher.rs', 'watch', 'function', 'rust', 3, 9,
     'fn watch() { poll() }', true, TIMESTAMP '2030-01-01 08:00:00'),
    ('00000000-0000-4000-8000-0000000000d2', 'src/größe.py', '', 'file', 'python', 1, 2,
     'breite = 1' || chr(10) || 'höhe = 2', true, TIMESTAMP '2030-01-01 08:00:00'),
    ('00000000-0000-4000-8000-0000000000d3', '', '', 'snippet', '', NULL, NULL, 'x = 1', false,
     TIMESTAMP '2030-01-01 08:00:00');
INSERT INTO db.queries VALUES
    ('00000000-0000-4000-8000-0000000000a1', 'detecting when files change on disk', 'semantic',
     NULL, 'spec', TIMESTAMP '2030-01-01 08:00:01'),
    ('00000000-0000-4000-8000-0000000000a2', 'größe', 'keyword', 'detecting', 'import',
     TIMESTAMP '2030-01-01 08:00:01');
INSERT INTO db.pairs VALUES
    ('00000000-0000-4000-8000-0000000000b1', '00000000-0000-4000-8000-0000000000a1',
     '00000000-0000-4000-8000-0000000000d1', 'import', NULL, TIMESTAMP '2030-01-01 08:00:02'),
    ('00000000-0000-4000-8000-0000000000b2', '00000000-0000-4000-8000-0000000000a1',
     '00000000-0000-4000-8000-0000000000d2', 'lexical', 0.25, TIMESTAMP '2030-01-01 08:00:02'),
    ('00000000-0000-4000-8000-0000000000b3', '00000000-0000-4000-8000-0000000000a2',
     '00000000-0000-4000-8000-0000000000d3', 'import', NULL, TIMESTAMP '2030-01-01 08:00:02');
INSERT INTO db.judges VALUES
    ('00000000-0000-4000-8000-0000000000e1', 'gpt', 'llm', 'gpt-x', 'v1', 'rubric', '{}',
     TIMESTAMP '2030-01-01 08:00:03');
INSERT INTO db.judgments VALUES
    ('00000000-0000-4000-8000-0000000000f1', '00000000-0000-4000-8000-0000000000b1',
     '00000000-0000-4000-8000-0000000000e1', TIMESTAMP '2030-01-01 09:00:00', 4, NULL,
     0, 0.05, 0.15, 0.6, 0.2, 'it watches', 100, 20, 1.5),
    ('00000000-0000-4000-8000-0000000000f2', '00000000-0000-4000-8000-0000000000b2',
     '00000000-0000-4000-8000-0000000000e1', TIMESTAMP '2030-01-01 09:00:01', NULL,
     'the server answered 500', NULL, NULL, NULL, NULL, NULL, '', 0, 0, 30);
INSERT INTO db.label_events
    (id, happened, pair_id, annotator, action, grade, judgment_id, hidden, milliseconds, note,
     undoes, strategy, inclusion_probability)
VALUES
    ('00000000-0000-4000-8000-000000000011', TIMESTAMP '2030-01-02 10:00:00',
     '00000000-0000-4000-8000-0000000000b1', 'ada', 'confirm', 4,
     '00000000-0000-4000-8000-0000000000f1', false, 2100, NULL, NULL, 'random', 0.5),
    ('00000000-0000-4000-8000-000000000012', TIMESTAMP '2030-01-02 10:00:05',
     '00000000-0000-4000-8000-0000000000b2', 'ada', 'override', 2, NULL, true, 3000, NULL, NULL,
     NULL, NULL),
    ('00000000-0000-4000-8000-000000000013', TIMESTAMP '2030-01-02 10:00:09',
     '00000000-0000-4000-8000-0000000000b2', 'ada', 'undo', NULL, NULL, false, NULL, NULL,
     '00000000-0000-4000-8000-000000000012', NULL, NULL),
    ('00000000-0000-4000-8000-000000000014', TIMESTAMP '2030-01-02 10:00:12',
     '00000000-0000-4000-8000-0000000000b3', 'bob', 'note', NULL, NULL, false, NULL, 'größer?',
     NULL, NULL, NULL);
INSERT INTO db.specs VALUES
    ('00000000-0000-4000-8000-000000000021', 'searches', 'crates', TIMESTAMP '2030-01-01 08:00:04');
INSERT INTO db.spec_queries VALUES
    ('00000000-0000-4000-8000-000000000021', 1, '00000000-0000-4000-8000-0000000000a1', 'q1',
     'semantic');
INSERT INTO db.spec_relevant VALUES
    ('00000000-0000-4000-8000-000000000021', '00000000-0000-4000-8000-0000000000a1',
     'src/watcher.rs', NULL);

-- 0002
INSERT INTO db.evals VALUES
    ('00000000-0000-4000-8000-000000000031', '00000000-0000-4000-8000-000000000021', 'searches',
     'lexical', '{}', '', 'ab', 2, 10, TIMESTAMP '2030-01-03 08:00:00',
     TIMESTAMP '2030-01-03 08:00:01');
INSERT INTO db.eval_queries VALUES
    ('00000000-0000-4000-8000-000000000031', 1, '00000000-0000-4000-8000-0000000000a1', 'semantic',
     1, NULL);
INSERT INTO db.eval_relevant VALUES
    ('00000000-0000-4000-8000-000000000031', 1, 'src/watcher.rs', NULL, 1);
INSERT INTO db.eval_results VALUES
    ('00000000-0000-4000-8000-000000000031', 1, 1, 'src/watcher.rs',
     '00000000-0000-4000-8000-0000000000d1', 3.25);
INSERT INTO db.eval_figures VALUES
    ('00000000-0000-4000-8000-000000000031', '', 0, 'R@10', 1, 1, 1, 1);
INSERT INTO db.eval_notices VALUES
    ('00000000-0000-4000-8000-000000000031', 0, 'no document lies at src/gone.rs');

-- 0003
INSERT INTO db.calibrations VALUES
    ('00000000-0000-4000-8000-000000000041', TIMESTAMP '2030-01-04 08:00:00', 'identity', 1, 1, 1,
     '[]', '{}', 0.5, 0.5,
     '{"held_out": {"rps_raw": 0.5, "rps_calibrated": 0.5, "gain": 0.5, "gain_low":'
     || ' 0.5, "gain_high": 0.5, "mae_raw": 0.5, "mae_calibrated": 0.5, "rmse_raw": 0.5,'
     || ' "rmse_calibrated": 0.5, "coverage": 0.5}, "tried": {"identity": 0.5}}', 1);
INSERT INTO db.calibrated_grades VALUES
    ('00000000-0000-4000-8000-000000000041', '00000000-0000-4000-8000-0000000000b1',
     0, 0, 0.1, 0.8, 0.1, 4, 3, 5);

-- 0004
INSERT INTO db.runs VALUES
    ('20300105-080000-contrastive-0001', TIMESTAMP '2030-01-05 08:00:00', '{"base": "offline"}',
     'finished', 40, 40, 0.5, 0.75, 121, '', 9000);
INSERT INTO db.run_evals VALUES
    ('20300105-080000-contrastive-0001', 'searches', 'before',
     '00000000-0000-4000-8000-000000000031', 0);

-- 0005
INSERT INTO db.prompts VALUES
    ('00000000-0000-4000-8000-000000000051', 'strict', 'be strict', 7,
     TIMESTAMP '2030-01-06 08:00:00');
INSERT INTO db.prompt_examples VALUES
    ('00000000-0000-4000-8000-000000000051', 0, '00000000-0000-4000-8000-0000000000b1', 4);
INSERT INTO db.batches VALUES
    ('00000000-0000-4000-8000-000000000052', '00000000-0000-4000-8000-0000000000e1',
     'https://example.org/v1', 'batch_1', 'done', 'completed', false, 1, 600, 1,
     TIMESTAMP '2030-01-06 09:00:00', '');
INSERT INTO db.batch_pairs VALUES
    ('00000000-0000-4000-8000-000000000052', '00000000-0000-4000-8000-0000000000b1');
INSERT INTO db.generations VALUES
    ('00000000-0000-4000-8000-000000000053', '00000000-0000-4000-8000-0000000000d1', 'gpt-x', 'v1',
     TIMESTAMP '2030-01-06 10:00:00', NULL, 50, 10, 0.5);
INSERT INTO db.generated_queries VALUES
    ('00000000-0000-4000-8000-000000000053', 0, '00000000-0000-4000-8000-0000000000a1',
     'detecting when files change on disk', 0.1, NULL);

-- 0007
INSERT INTO db.store_settings VALUES ('overlap', '2');
INSERT INTO db.leases VALUES
    ('00000000-0000-4000-8000-0000000000b1', 'ada', TIMESTAMP '2030-01-07 08:00:00');
INSERT INTO db.label_events
    (id, happened, pair_id, annotator, action, grade, hidden, adjudicates)
VALUES
    ('00000000-0000-4000-8000-000000000071', TIMESTAMP '2030-01-07 10:00:00',
     '00000000-0000-4000-8000-0000000000b1', 'eve', 'override', 3, false, true);
