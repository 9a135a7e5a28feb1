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

-- Further recipients, some hundreds at once: pairs of key and address.
-- record_sent_to :run slow
INSERT INTO sent_to (
    accepted_at, queue_id, n, account, recipient_key, recipient
)
SELECT :accepted_at, :queue_id, :first + key, :account,            --@sqlite
       json_extract(value, '$[0]'), json_extract(value, '$[1]')    --@sqlite
  FROM json_each(:pairs)                                           --@sqlite
SELECT :accepted_at, :queue_id, :first + pair.n - 1, :account,     --@postgres
       CAST(pair.value ->> 0 AS BIGINT), pair.value ->> 1          --@postgres
  FROM json_array_elements(CAST(:pairs AS json)) WITH ORDINALITY AS pair (value, n) --@postgres

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
-- sent_by_return_path :many
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

-- sent_by_further_recipient :many
WITH latest AS MATERIALIZED (
    SELECT accepted_at, queue_id, recipient FROM sent_to
     WHERE recipient_key = :key
       AND account = :account
       AND accepted_at >= :since
     ORDER BY accepted_at DESC, queue_id DESC
     LIMIT :limit
)
SELECT {sent_columns}, latest.recipient
  FROM latest
  JOIN sent s ON s.accepted_at = latest.accepted_at AND s.queue_id = latest.queue_id AND s.n = 0
  JOIN account a ON a.account = s.account AND a.created_at <= s.accepted_at
 ORDER BY s.accepted_at DESC, s.queue_id DESC

-- Which of some messages went to which of some addresses, as far as these are further recipients.
-- Every pair of both is one look into the index. Written as it is because PostgreSQL would rather
-- read all recipients of a message, of whose number it knows nothing.
-- sent_to_any :many slow
WITH message AS MATERIALIZED (
    SELECT json_extract(value, '$[0]') AS accepted_at,             --@sqlite
           json_extract(value, '$[1]') AS account                  --@sqlite
      FROM json_each(:messages)                                    --@sqlite
    SELECT CAST(value ->> 0 AS BIGINT) AS accepted_at,             --@postgres
           value ->> 1 AS account                                  --@postgres
      FROM json_array_elements(CAST(:messages AS json))            --@postgres
),
wanted AS MATERIALIZED (
    SELECT value AS recipient_key FROM json_each(:keys)            --@sqlite
    SELECT CAST(value AS BIGINT) AS recipient_key                  --@postgres
      FROM json_array_elements_text(CAST(:keys AS json))           --@postgres
)
SELECT r.queue_id, r.recipient
  FROM message
 CROSS JOIN wanted
 CROSS JOIN sent_to r                                              --@sqlite
 CROSS JOIN LATERAL (                                              --@postgres
    SELECT * FROM sent_to r                                        --@postgres
 WHERE r.recipient_key = wanted.recipient_key
   AND r.account = message.account
   AND r.accepted_at BETWEEN message.accepted_at AND message.accepted_at
OFFSET 0) r                                                        --@postgres

-- A report may be faster than the commit that records the relay's 250: then the submission is
-- still claimed. Claims end soon, so few rows lie between now and :until.
-- sending_now :maybe slow
SELECT s.queue_id, s.account, s.created_at, s.rcpt_to, s.message_id, s.tags
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

-- purge_sent_to :run slow
DELETE FROM sent_to
 WHERE (accepted_at, queue_id, n) IN (
    SELECT accepted_at, queue_id, n FROM sent_to
     WHERE accepted_at < :before
     ORDER BY accepted_at, queue_id, n
     LIMIT :limit
 )
