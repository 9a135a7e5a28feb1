-- find_idempotency :maybe
SELECT account, key, queue_id, response, body_hash, created_at
  FROM idempotency
 WHERE account = :account
   AND key = :key

-- insert_idempotency :run
INSERT INTO idempotency (
    account, key, queue_id, response, body_hash, created_at
) VALUES (
    :account, :key, :queue_id, :response, :body_hash, :created_at
)
ON CONFLICT (account, key) DO UPDATE
   SET queue_id = excluded.queue_id,
       response = excluded.response,
       body_hash = excluded.body_hash,
       created_at = excluded.created_at
 WHERE idempotency.created_at < :replace_before

-- purge_idempotency :run slow
DELETE FROM idempotency
 WHERE (account, key) IN (
    SELECT account, key FROM idempotency
     WHERE created_at < :before
     ORDER BY created_at, account, key
     LIMIT :limit
 )

-- delete_account_idempotency :defer
DELETE FROM idempotency
 WHERE account = :account
