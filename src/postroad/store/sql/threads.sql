-- find_unthreaded :maybe slow
SELECT path, number, uidvalidity, threaded, unthreaded
  FROM mailbox_cursor
 WHERE account = :account
   AND threaded < unthreaded
   AND checked_at > 0
   AND path > :after
 ORDER BY path
 LIMIT 1

-- set_threaded :run
UPDATE mailbox_cursor
   SET threaded = :uid
 WHERE account = :account
   AND path = :path
   AND number = :number

-- begin_threads :run
UPDATE mailbox_cursor
   SET threaded = 1,
       unthreaded = :uid
 WHERE account = :account
   AND path = :path

-- Messages have come without their threads; what waited before goes on waiting.
-- set_unthreaded :defer
UPDATE mailbox_cursor
   SET threaded = CASE WHEN threaded >= unthreaded THEN :low ELSE threaded END,
       unthreaded = CASE WHEN unthreaded > :high THEN unthreaded ELSE :high END
 WHERE account = :account
   AND path = :path

-- Whoever joins threads of an account is alone; SQLite has one writer anyway.
-- lock_threads :one
SELECT :account                                                    --@sqlite
SELECT pg_advisory_xact_lock(1953002868, hashtext(:account))       --@postgres

-- chunks_of_nodes :part
SELECT first_node, data
  FROM thread_chunk
 WHERE account = :account
   AND first_node IN (
    SELECT (
        SELECT MAX(covering.first_node)
          FROM thread_chunk AS covering
         WHERE covering.account = :account
           AND covering.first_node <= wanted.value                 --@sqlite
           AND covering.first_node <= CAST(wanted.value AS BIGINT) --@postgres
      )
      FROM json_each(:nodes) AS wanted                             --@sqlite
      FROM json_array_elements_text(CAST(:nodes AS json)) AS wanted --@postgres
 )
 ORDER BY first_node

-- The chunks that cover a few nodes.
-- thread_chunks :many
{chunks_of_nodes}

-- The chunks that cover many nodes.
-- many_thread_chunks :many slow
{chunks_of_nodes}

-- put_thread_chunk :run
INSERT INTO thread_chunk (
    account, first_node, data
) VALUES (
    :account, :first_node, :data
)
ON CONFLICT (account, first_node) DO UPDATE
   SET data = excluded.data

-- forget_threads :run slow
DELETE FROM thread_chunk
 WHERE account = :account
