-- The mix that each file of a mix belongs to. Mixtures of two mixes may share a name, and mixes may share a file.
CREATE VIEW mix_files AS
SELECT file, name AS mix FROM dataset_files WHERE kind = 'mix';

-- Each domain of each mixture, over the whole run: as its method asked, without and under the caps, as the plan gives it,
-- and beside proportional and uniform under the same caps. A mix of an earlier version has no baselines.
CREATE VIEW mixture_shares AS
WITH staged AS (
    SELECT
        owner.mix, one.* EXCLUDE (shard, file),
        (until_token - coalesce(lag(until_token) OVER (PARTITION BY one.file, mixture, domain ORDER BY stage), 0))
            / greatest(1, max(until_token) OVER (PARTITION BY one.file, mixture)) AS part
    FROM mixtures AS one
    JOIN mix_files AS owner ON owner.file = one.file
),
whole AS (
    SELECT
        mix, mixture, method, digest, domain, count(*) AS stages, max(until_token) AS target_tokens,
        sum(part * weight_raw) AS asked, sum(part * weight) AS weight, sum(rows)::BIGINT AS rows,
        sum(epochs) AS epochs, max(max_epochs) AS cap
    FROM staged GROUP BY ALL
),
beside AS (
    SELECT owner.mix, one.* FROM mixture_baselines AS one
    JOIN mix_files AS owner ON owner.file = one.file
),
stats AS (
    SELECT owner.mix, one.domain, sum(one.tokens)::BIGINT AS tokens, sum(one.documents)::BIGINT AS documents
    FROM token_stats AS one
    JOIN mix_files AS owner ON owner.file = one.file
    WHERE one.split = 'train' GROUP BY ALL
)
SELECT
    whole.mix, whole.mixture, whole.method, whole.digest, whole.domain, whole.stages, whole.target_tokens,
    stats.tokens, stats.documents, whole.asked, own.raw, coalesce(own.capped, whole.weight) AS capped,
    own.low, own.high, whole.rows / greatest(1, sum(whole.rows) OVER (PARTITION BY whole.mix, whole.mixture)) AS realised,
    whole.epochs, whole.cap, coalesce(own.reason, '') AS reason,
    proportional.raw AS proportional_raw, proportional.capped AS proportional,
    uniform.raw AS uniform_raw, uniform.capped AS uniform
FROM whole
LEFT JOIN beside AS own
    ON (own.mix, own.mixture, own.domain, own.baseline) = (whole.mix, whole.mixture, whole.domain, whole.mixture)
LEFT JOIN beside AS proportional
    ON (proportional.mix, proportional.mixture, proportional.domain, proportional.baseline)
    = (whole.mix, whole.mixture, whole.domain, 'proportional')
LEFT JOIN beside AS uniform
    ON (uniform.mix, uniform.mixture, uniform.domain, uniform.baseline)
    = (whole.mix, whole.mixture, whole.domain, 'uniform')
LEFT JOIN stats ON (stats.mix, stats.domain) = (whole.mix, whole.domain);

-- Each trial of each mixture: what it was for, and the shares of its domains as one text, equal for repeats.
CREATE VIEW mixture_trials AS
SELECT
    owner.mix, one.mixture, one.trial, one.role, one.seed, one.steps, one.tokens, one.learning_rate,
    one.data_share, one.parameters, one.earlier,
    string_agg(concat(one.domain, ' ', round(one.weight, 9)), ', ' ORDER BY one.domain) AS shares,
    list({'domain': one.domain, 'weight': one.weight} ORDER BY one.weight DESC, one.domain) AS weights
FROM trials AS one
JOIN mix_files AS owner ON owner.file = one.file
GROUP BY ALL;

-- Losses of trials, measured and predicted by laws that saw no trial of the same mixture.
CREATE VIEW trial_losses AS
SELECT owner.mix, one.* EXCLUDE (shard, file) FROM trial_results AS one
JOIN mix_files AS owner ON owner.file = one.file;

-- Each training run with the mix it is of, its last losses, and what it took over all attempts.
CREATE VIEW training_runs AS
SELECT
    owner.mix, run.* EXCLUDE (shard, file), last.loss, held.heldout, cost.device, cost.processes, cost.attempts,
    cost.preemptions, cost.failures, cost.tokens_per_second, cost.mfu, cost.gpu_seconds, cost.wasted_seconds,
    cost.wasted_gpu_seconds, saved.checkpoints
FROM runs AS run
JOIN (SELECT file, min(name) AS mix FROM dataset_files WHERE kind = 'training' GROUP BY file) AS owner
    ON owner.file = run.file
LEFT JOIN (SELECT run, arg_max(loss, step) AS loss FROM losses GROUP BY run) AS last ON last.run = run.run
LEFT JOIN (
    SELECT run, avg(loss) AS heldout FROM heldout_losses
    WHERE (run, step) IN (SELECT (run, max(step)) FROM heldout_losses GROUP BY run) GROUP BY run
) AS held ON held.run = run.run
LEFT JOIN (SELECT run, count(*) AS checkpoints FROM checkpoints GROUP BY run) AS saved ON saved.run = run.run
LEFT JOIN (SELECT * FROM training_costs QUALIFY row_number() OVER (PARTITION BY run ORDER BY attempts DESC) = 1) AS cost
    ON cost.run = run.run;
