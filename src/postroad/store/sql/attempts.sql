-- record_attempt :defer
INSERT INTO attempt (
    queue_id, number, started_at, finished_at, outcome, code, status, response, node_id
) VALUES (
    :queue_id, :number, :started_at, :finished_at, :outcome, :code, :status, :response, :node_id
)
ON CONFLICT (queue_id, number) DO UPDATE
   SET started_at = excluded.started_at,
       finished_at = excluded.finished_at,
       outcome = excluded.outcome,
       code = excluded.code,
       status = excluded.status,
       response = excluded.response,
       node_id = excluded.node_id

-- attempts_of :many
SELECT queue_id, number, started_at, finished_at, outcome, code, status, response, node_id
  FROM attempt
 WHERE queue_id = :queue_id
 ORDER BY number
