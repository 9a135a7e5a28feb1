-- submission_columns :part
queue_id, account, lane, source, mail_from, rcpt_to, message_id, subject,
content_id, content_size, bcc_start, bcc_end, state, created_at, scheduled_at,
next_attempt_at, attempts, max_attempts, expires_at, claim_token, claimed_by,
finish_attempts, dsn, wants_copy, sent_path, flagging, idempotency_key, proxy,
local_address, eight_bit, smtputf8, tags, last_error, last_code, last_status,
response, remote_message_id, finished_at

-- insert_submission :defer
INSERT INTO submission (
    {submission_columns}
) VALUES (
    :queue_id, :account, :lane, :source, :mail_from, :rcpt_to, :message_id, :subject,
    :content_id, :content_size, :bcc_start, :bcc_end, :state, :created_at, :scheduled_at,
    :next_attempt_at, :attempts, :max_attempts, :expires_at, :claim_token, :claimed_by,
    :finish_attempts, :dsn, :wants_copy, :sent_path, :flagging, :idempotency_key, :proxy,
    :local_address, :eight_bit, :smtputf8, :tags, :last_error, :last_code, :last_status,
    :response, :remote_message_id, :finished_at
)

-- find_submission :maybe
SELECT {submission_columns}
  FROM submission
 WHERE queue_id = :queue_id

-- Jumps from lane to lane in the partial index instead of reading all of it.
-- lanes_queued :many slow
WITH RECURSIVE head (lane) AS (
    SELECT MIN(lane) FROM submission WHERE state = 'queued'
     UNION ALL
    SELECT (SELECT MIN(s.lane) FROM submission s
             WHERE s.state = 'queued' AND s.lane > head.lane)
      FROM head
     WHERE head.lane IS NOT NULL
)
SELECT head.lane,
       (SELECT MIN(s.next_attempt_at) FROM submission s
         WHERE s.state = 'queued' AND s.lane = head.lane)
  FROM head
 WHERE head.lane IS NOT NULL

-- lanes_accepted :many slow
WITH RECURSIVE head (lane) AS (
    SELECT MIN(lane) FROM submission WHERE state = 'accepted'
     UNION ALL
    SELECT (SELECT MIN(s.lane) FROM submission s
             WHERE s.state = 'accepted' AND s.lane > head.lane)
      FROM head
     WHERE head.lane IS NOT NULL
)
SELECT head.lane,
       (SELECT MIN(s.next_attempt_at) FROM submission s
         WHERE s.state = 'accepted' AND s.lane = head.lane)
  FROM head
 WHERE head.lane IS NOT NULL

-- next_due_queued :one
SELECT MIN(next_attempt_at)
  FROM submission
 WHERE state = 'queued'
   AND lane = :lane

-- next_due_accepted :one
SELECT MIN(next_attempt_at)
  FROM submission
 WHERE state = 'accepted'
   AND lane = :lane

-- claim_queued :many
WITH due AS MATERIALIZED (
    SELECT queue_id FROM submission
     WHERE state = 'queued'
       AND lane = :lane
       AND next_attempt_at <= :now
     ORDER BY next_attempt_at, queue_id
     LIMIT :limit
       FOR UPDATE SKIP LOCKED                                      --@postgres
)
UPDATE submission
   SET claimed_by = :node,
       claim_token = claim_token + 1,
       attempts = attempts + 1,
       next_attempt_at = :claim_until
 WHERE queue_id IN (SELECT queue_id FROM due)
RETURNING {submission_columns}

-- claim_accepted :many
WITH due AS MATERIALIZED (
    SELECT queue_id FROM submission
     WHERE state = 'accepted'
       AND lane = :lane
       AND next_attempt_at <= :now
     ORDER BY next_attempt_at, queue_id
     LIMIT :limit
       FOR UPDATE SKIP LOCKED                                      --@postgres
)
UPDATE submission
   SET claimed_by = :node,
       claim_token = claim_token + 1,
       finish_attempts = finish_attempts + 1,
       next_attempt_at = :claim_until
 WHERE queue_id IN (SELECT queue_id FROM due)
RETURNING {submission_columns}

-- A late 250 for a row that was cancelled goes straight to done: its content is gone. The token grows so that the attempt's own claim cannot be used again.
-- accept_submission :maybe
UPDATE submission
   SET state = CASE WHEN :done = 1 OR state = 'cancelled' THEN 'done' ELSE 'accepted' END,
       finished_at = CASE WHEN :done = 1 OR state = 'cancelled' THEN CAST(:now AS BIGINT) END,
       next_attempt_at = :finish_at,
       claimed_by = NULL,
       claim_token = claim_token + 1,
       response = :response,
       remote_message_id = :remote_message_id,
       last_error = NULL,
       last_code = NULL,
       last_status = NULL
 WHERE queue_id = :queue_id
   AND state NOT IN ('accepted', 'done')
RETURNING state

-- defer_submission :run
UPDATE submission
   SET next_attempt_at = :retry_at,
       claimed_by = NULL,
       last_error = :last_error,
       last_code = :last_code,
       last_status = :last_status
 WHERE queue_id = :queue_id
   AND state = 'queued'
   AND claim_token = :claim_token

-- narrow_submission :run
UPDATE submission
   SET rcpt_to = :rcpt_to
 WHERE queue_id = :queue_id
   AND state = 'queued'
   AND claim_token = :claim_token

-- fail_submission :run
UPDATE submission
   SET state = 'failed',
       finished_at = :now,
       claimed_by = NULL,
       last_error = :last_error,
       last_code = :last_code,
       last_status = :last_status
 WHERE queue_id = :queue_id
   AND state = 'queued'
   AND claim_token = :claim_token

-- finish_submission :run
UPDATE submission
   SET state = 'done',
       finished_at = :now,
       claimed_by = NULL
 WHERE queue_id = :queue_id
   AND state = 'accepted'
   AND claim_token = :claim_token

-- defer_finish :run
UPDATE submission
   SET next_attempt_at = :retry_at,
       claimed_by = NULL
 WHERE queue_id = :queue_id
   AND state = 'accepted'
   AND claim_token = :claim_token

-- What was never tried goes back to its place in the row; the claim took the time of a retry.
-- release_submission :run
UPDATE submission
   SET next_attempt_at = CASE WHEN state = 'queued' AND attempts <= 1 THEN scheduled_at
                              ELSE CAST(:now AS BIGINT) END,
       claimed_by = NULL,
       attempts = CASE WHEN state = 'queued' THEN attempts - 1 ELSE attempts END,
       finish_attempts = CASE WHEN state = 'accepted' THEN finish_attempts - 1
                              ELSE finish_attempts END
 WHERE queue_id = :queue_id
   AND state IN ('queued', 'accepted')
   AND claimed_by IS NOT NULL
   AND claim_token = :claim_token

-- cancel_submission :maybe
UPDATE submission
   SET state = 'cancelled',
       finished_at = :now,
       claimed_by = NULL
 WHERE queue_id = :queue_id
   AND state = 'queued'
   AND (claimed_by IS NULL OR next_attempt_at <= :now)
RETURNING content_id

-- delete_failed_submission :maybe
DELETE FROM submission
 WHERE queue_id = :queue_id
   AND state = 'failed'
RETURNING content_id

-- list_outbox :many slow
WITH entry (queue_id, place, at) AS (
    SELECT queue_id,
           CASE WHEN next_attempt_at <= :now THEN 1
                WHEN claimed_by IS NOT NULL THEN 2
                ELSE 0 END,
           next_attempt_at
      FROM submission
     WHERE state = 'queued'
     UNION ALL
    SELECT queue_id, 2, next_attempt_at
      FROM submission
     WHERE state = 'accepted'
     UNION ALL
    SELECT queue_id, 3, finished_at
      FROM submission
     WHERE state = 'failed'
),
page AS (
    SELECT queue_id AS id, place, at
      FROM entry
     ORDER BY place, at, queue_id
     LIMIT :limit OFFSET :offset
)
SELECT {submission_columns}
  FROM page
  JOIN submission ON queue_id = id
 ORDER BY place, at, queue_id

-- count_submissions :one slow
SELECT (SELECT COUNT(*) FROM submission WHERE state = 'queued'),
       (SELECT COUNT(*) FROM submission WHERE state = 'accepted'),
       (SELECT COUNT(*) FROM submission WHERE state = 'failed')

-- delete_account_submissions :many slow
DELETE FROM submission
 WHERE queue_id IN (
    SELECT queue_id FROM submission
     WHERE account = :account
     ORDER BY queue_id
     LIMIT :limit
 )
RETURNING content_id

-- purge_ended :many slow
DELETE FROM submission
 WHERE queue_id IN (
    SELECT queue_id FROM submission
     WHERE state IN ('done', 'cancelled')
       AND finished_at < :before
     ORDER BY finished_at, queue_id
     LIMIT :limit
 )
RETURNING content_id

-- purge_failed :many slow
DELETE FROM submission
 WHERE queue_id IN (
    SELECT queue_id FROM submission
     WHERE state = 'failed'
       AND (finished_at < :before
            OR (finished_at, queue_id) <= (
                SELECT finished_at, queue_id FROM submission
                 WHERE state = 'failed'
                 ORDER BY finished_at DESC, queue_id DESC
                 LIMIT 1 OFFSET :keep
            ))
     ORDER BY finished_at, queue_id
     LIMIT :limit
 )
RETURNING content_id

-- When the attempt began is not known any more; both times are the burial's.
-- record_lost_attempts :many slow
INSERT INTO attempt (
    queue_id, number, started_at, finished_at, outcome, code, status, response, node_id
)
SELECT queue_id, attempts, :now, :now, 'lost', NULL, NULL, NULL, claimed_by
  FROM submission
 WHERE state = 'queued'
   AND claimed_by = :node
    ON CONFLICT (queue_id, number) DO NOTHING
RETURNING queue_id

-- bury_queued :run slow
UPDATE submission
   SET next_attempt_at = :now,
       claimed_by = NULL
 WHERE state = 'queued'
   AND claimed_by = :node

-- bury_accepted :run slow
UPDATE submission
   SET next_attempt_at = :now,
       claimed_by = NULL
 WHERE state = 'accepted'
   AND claimed_by = :node
