-- sent_columns :part
s.queue_id, s.account, s.accepted_at, s.data

-- Whoever has an account of that id now may not be who sent it then.
-- sent_of_living :part
sent s
  JOIN account a ON a.account = s.account AND a.created_at <= s.accepted_at

-- record_sent :defer
INSERT INTO sent (
    accepted_at, queue_id, n, account, recipient_key, message_key, remote_key, envelope_key, data
) VALUES (
    :accepted_at, :queue_id, :n, :account, :recipient_key, :message_key, :remote_key,
    :envelope_key, :data
)

-- find_sent :maybe slow
SELECT {sent_columns}
  FROM {sent_of_living}
 WHERE s.queue_id = :queue_id
   AND s.n = 0

-- sent_by_message :many
SELECT {sent_columns}
  FROM {sent_of_living}
 WHERE s.message_key IS NOT NULL
   AND s.message_key IN (
    SELECT value FROM json_each(:keys)                             --@sqlite
    SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST(:keys AS json)) --@postgres
 )
 UNION ALL
SELECT {sent_columns}
  FROM {sent_of_living}
 WHERE s.remote_key IS NOT NULL
   AND s.remote_key IN (
    SELECT value FROM json_each(:keys)                             --@sqlite
    SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST(:keys AS json)) --@postgres
 )
 ORDER BY 3 DESC, 1 DESC
 LIMIT :limit

-- sent_by_envelope :many
SELECT {sent_columns}
  FROM {sent_of_living}
 WHERE s.envelope_key = :key
   AND s.account = :account
 ORDER BY s.accepted_at DESC, s.queue_id DESC
 LIMIT :limit

-- The queue id in a return path is kept beside ENVID, in a row of its own where both are.
-- sent_by_tag :many
SELECT {sent_columns}
  FROM {sent_of_living}
  JOIN sent r ON r.accepted_at = s.accepted_at AND r.queue_id = s.queue_id AND s.n = 0
 WHERE r.envelope_key = :key
 ORDER BY s.accepted_at DESC, s.queue_id DESC
 LIMIT :limit

-- sent_by_recipient :many
SELECT {sent_columns}
  FROM {sent_of_living}
  JOIN sent r ON r.accepted_at = s.accepted_at AND r.queue_id = s.queue_id AND s.n = 0
 WHERE r.recipient_key = :key
   AND r.accepted_at >= :since
   AND r.account = :account
 ORDER BY r.accepted_at DESC, r.queue_id DESC
 LIMIT :limit

-- A report may be faster than the commit that records the relay's 250: then the submission is
-- still claimed. Claims end soon, so few rows lie between now and :until.
-- sending_now :maybe slow
SELECT s.queue_id, s.account, s.created_at, s.rcpt_to, s.message_id
  FROM submission s
 WHERE s.state = 'queued'
   AND s.lane = :account
   AND s.next_attempt_at > :now
   AND s.next_attempt_at <= :until
   AND s.claimed_by IS NOT NULL
   AND s.message_id = :message_id
 ORDER BY s.next_attempt_at, s.queue_id
 LIMIT 1

-- purge_sent :run slow
DELETE FROM sent
 WHERE (accepted_at, queue_id, n) IN (
    SELECT accepted_at, queue_id, n FROM sent
     WHERE accepted_at < :before
     ORDER BY accepted_at, queue_id, n
     LIMIT :limit
 )
