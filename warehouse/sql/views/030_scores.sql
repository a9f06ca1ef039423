-- Every score with the training step and mixture it belongs to: what the charts of the Checkpoints page draw.
CREATE VIEW score_trajectory AS
SELECT
    eval_run.run, eval_run.mixture, eval_run.label, eval_run.step, eval_run.tokens, score.checkpoint, score.suite,
    score.area, score.metric, score.convention, score.headline, score.subset, score.value, score.low, score.high,
    score.n, score.chance, score.above_chance, score.higher_is_better, score.method, score.failures, score.jail_tier,
    eval_run.suite_digest, eval_run.backend,
    -- 0 for guessing and 1 for every item right, so that suites with other numbers of options can be set side by side
    (score.value - score.chance) / (1 - score.chance) AS centred
FROM scores AS score
JOIN eval_runs AS eval_run ON eval_run.checkpoint = score.checkpoint AND eval_run.suite = score.suite
ORDER BY score.suite, score.metric, score.convention, score.subset, eval_run.mixture, eval_run.step;

-- The best checkpoint of every headline, macro average and domain of held-out text; ties go to the one with fewer
-- tokens, and "tied" counts who has that value, itself included. The subjects of a board and other conventions would
-- each be a row more, and say little about a model.
CREATE VIEW best_checkpoint AS
SELECT * EXCLUDE (place)
FROM (
    SELECT *, row_number() OVER (
        PARTITION BY suite, metric, convention, subset
        ORDER BY CASE WHEN higher_is_better THEN -value ELSE value END, tokens, checkpoint
    ) AS place, count(*) OVER (PARTITION BY suite, metric, convention, subset, value) AS tied
    FROM score_trajectory
    WHERE headline OR subset = 'macro' OR area = 'perplexity'
)
WHERE place = 1
ORDER BY suite, metric, convention, subset;

-- All checkpoints by their mean rank over the headlines they have. Equal values share the mean of their places, and a
-- headline on which all are equal ranks nobody: "scores" counts those that tell checkpoints apart. Compare only
-- checkpoints with equally many.
CREATE VIEW checkpoint_ranking AS
SELECT checkpoint, min(label) AS label, min(mixture) AS mixture, min(step) AS step, min(tokens) AS tokens,
    count(place) AS scores, avg(place) AS mean_rank
FROM (
    SELECT *, CASE WHEN min(value) OVER everyone < max(value) OVER everyone THEN
        rank() OVER best_first + (count(*) OVER equals - 1) / 2 END AS place
    FROM score_trajectory
    WHERE headline
    WINDOW
        everyone AS (PARTITION BY suite, metric, convention, subset),
        equals AS (PARTITION BY suite, metric, convention, subset, value),
        best_first AS (
            PARTITION BY suite, metric, convention, subset
            ORDER BY CASE WHEN higher_is_better THEN -value ELSE value END
        )
)
GROUP BY checkpoint
ORDER BY scores DESC, mean_rank NULLS LAST, tokens, checkpoint;
