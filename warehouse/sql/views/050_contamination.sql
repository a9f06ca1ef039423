-- Whether a corpus holds an item of a suite, with the place that says so best. ``checkpoint`` is whose training data the
-- corpus is; it is null for a corpus that was named.
CREATE VIEW item_contamination AS
SELECT
    label.suite, label.suite_digest, label.item, label.corpus, owner.checkpoint, label.label, label.passage,
    label.documents, label.score, label.doc_id, place.source, place.form, place.start, place."end", place.similarity,
    place.answer
FROM item_labels AS label
LEFT JOIN (SELECT checkpoint FROM checkpoints UNION SELECT checkpoint FROM eval_runs) AS owner
    ON label.shard = concat(owner.checkpoint, '@', label.suite)
LEFT JOIN (
    FROM contamination WHERE label IN ('input', 'answer')
    QUALIFY row_number() OVER (
        PARTITION BY shard, suite, item, doc_id ORDER BY label = 'answer' DESC, score DESC, form, start
    ) = 1
) AS place
    ON place.shard = label.shard AND place.suite = label.suite AND place.item = label.item
    AND place.doc_id = label.doc_id;
