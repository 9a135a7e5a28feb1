-- Jumps from account to account in the partial index instead of reading all of it.
-- webhook_accounts :many slow
WITH RECURSIVE head (account) AS (
    SELECT MIN(account) FROM webhook_job WHERE state = 'pending'
     UNION ALL
    SELECT (SELECT MIN(j.account) FROM webhook_job j
             WHERE j.state = 'pending' AND j.account > head.account)
      FROM head
     WHERE head.account IS NOT NULL
)
SELECT head.account,
       (SELECT MIN(j.next_attempt_at) FROM webhook_job j
         WHERE j.state = 'pending' AND j.account = head.account)
  FROM head
 WHERE head.account IS NOT NULL

-- claim_webhook_jobs :many
WITH due AS MATERIALIZED (
    SELECT seq FROM webhook_job
     WHERE state = 'pending'
       AND account = :account
       AND next_attempt_at <= :now
     ORDER BY next_attempt_at, seq
     LIMIT :limit
       FOR UPDATE SKIP LOCKED                                      --@postgres
)
UPDATE webhook_job
   SET claimed_by = :node,
       claim_token = claim_token + 1,
       attempts = attempts + 1,
       next_attempt_at = :claim_until
 WHERE seq IN (SELECT seq FROM due)
RETURNING seq, attempts, queued_at, claim_token

-- events_by_seq :many
SELECT seq, event_id, account, name, recorded_at, data, queue_id, path, special_use
  FROM event
 WHERE seq IN (
    SELECT value FROM json_each(:seqs)                             --@sqlite
    SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST(:seqs AS json)) --@postgres
 )
 ORDER BY seq

-- delete_webhook_jobs :run
DELETE FROM webhook_job
 WHERE seq IN (
    SELECT value FROM json_each(:seqs)                             --@sqlite
    SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST(:seqs AS json)) --@postgres
 )

-- retry_webhook_job :run
UPDATE webhook_job
   SET next_attempt_at = :next_attempt_at,
       claimed_by = NULL,
       last_error = :last_error
 WHERE seq = :seq
   AND state = 'pending'
   AND claim_token = :claim_token

-- release_webhook_job :run
UPDATE webhook_job
   SET next_attempt_at = :next_attempt_at,
       claimed_by = NULL,
       attempts = attempts - 1
 WHERE seq = :seq
   AND state = 'pending'
   AND claimed_by IS NOT NULL
   AND claim_token = :claim_token

-- give_up_webhook_job :run
UPDATE webhook_job
   SET state = 'failed',
       claimed_by = NULL,
       last_error = :last_error
 WHERE seq = :seq
   AND state = 'pending'
   AND claim_token = :claim_token

-- set_webhook_error :defer
INSERT INTO webhook_error (
    target, event, message, time, url, code, status_code
) VALUES (
    :target, :event, :message, :time, :url, :code, :status_code
)
ON CONFLICT (target) DO UPDATE
   SET event = excluded.event,
       message = excluded.message,
       time = excluded.time,
       url = excluded.url,
       code = excluded.code,
       status_code = excluded.status_code

-- clear_webhook_error :run
DELETE FROM webhook_error
 WHERE target = :target

-- find_webhook_error :maybe
SELECT target, event, message, time, url, code, status_code
  FROM webhook_error
 WHERE target = :target

-- count_webhook_jobs :one slow
SELECT (SELECT COUNT(*) FROM webhook_job WHERE state = 'pending'),
       (SELECT COUNT(*) FROM webhook_job WHERE state = 'failed')

-- purge_webhook_jobs :run slow
DELETE FROM webhook_job
 WHERE seq IN (
    SELECT seq FROM webhook_job
     WHERE state = 'failed'
       AND (queued_at < :before
            OR seq <= (
                SELECT seq FROM webhook_job
                 WHERE state = 'failed'
                 ORDER BY seq DESC
                 LIMIT 1 OFFSET :keep
            ))
     ORDER BY seq
     LIMIT :limit
 )

-- Back to their place in the log: what was recorded later must not overtake them.
-- bury_webhook_jobs :run slow
UPDATE webhook_job
   SET next_attempt_at = CASE WHEN queued_at < :now THEN queued_at ELSE :now END,
       claimed_by = NULL
 WHERE state = 'pending'
   AND claimed_by = :node
