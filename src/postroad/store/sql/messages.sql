-- cursor_columns :part
path, number, uidvalidity, uidnext, announced, baseline, messages, highestmodseq,
checked_at, indexer, special_use, delimiter

-- find_mailbox_cursor :maybe
SELECT {cursor_columns}
  FROM mailbox_cursor
 WHERE account = :account
   AND path = :path

-- mailbox_cursors :many slow
SELECT {cursor_columns}
  FROM mailbox_cursor
 WHERE account = :account
 ORDER BY path

-- find_any_cursor :maybe
SELECT path
  FROM mailbox_cursor
 WHERE account = :account
 ORDER BY path
 LIMIT 1

-- put_mailbox_cursor :run
INSERT INTO mailbox_cursor (
    account, path, number, uidvalidity, uidnext, announced, baseline, messages, highestmodseq,
    checked_at, indexer, special_use, delimiter
) VALUES (
    :account, :path, :number, :uidvalidity, :uidnext, :announced, :baseline, :messages,
    :highestmodseq, :checked_at, :indexer, :special_use, :delimiter
)
ON CONFLICT (account, path) DO UPDATE
   SET number = excluded.number,
       uidvalidity = excluded.uidvalidity,
       uidnext = excluded.uidnext,
       announced = excluded.announced,
       baseline = excluded.baseline,
       messages = excluded.messages,
       highestmodseq = excluded.highestmodseq,
       checked_at = excluded.checked_at,
       indexer = excluded.indexer,
       special_use = excluded.special_use,
       delimiter = excluded.delimiter

-- delete_mailbox_cursor :run
DELETE FROM mailbox_cursor
 WHERE account = :account
   AND path = :path

-- delete_mailbox_cursors :run slow
DELETE FROM mailbox_cursor
 WHERE account = :account

-- The chunk that covers a UID.
-- find_message_chunk :maybe
SELECT first_uid, data
  FROM message_chunk
 WHERE account = :account
   AND number = :number
   AND first_uid <= :uid
 ORDER BY first_uid DESC
 LIMIT 1

-- message_chunks :many slow
SELECT first_uid, data
  FROM message_chunk
 WHERE account = :account
   AND number = :number
   AND first_uid >= :uid
 ORDER BY first_uid
 LIMIT :limit

-- message_chunk_starts :many slow
SELECT first_uid
  FROM message_chunk
 WHERE account = :account
   AND number = :number
 ORDER BY first_uid

-- put_message_chunk :run
INSERT INTO message_chunk (
    account, number, first_uid, data
) VALUES (
    :account, :number, :first_uid, :data
)
ON CONFLICT (account, number, first_uid) DO UPDATE
   SET data = excluded.data

-- delete_message_chunk :run
DELETE FROM message_chunk
 WHERE account = :account
   AND number = :number
   AND first_uid = :first_uid

-- delete_message_chunks :run slow
DELETE FROM message_chunk
 WHERE account = :account
   AND number = :number

-- delete_account_chunks :run slow
DELETE FROM message_chunk
 WHERE account = :account

-- find_mailbox_listing :maybe
SELECT data
  FROM mailbox_listing
 WHERE account = :account

-- put_mailbox_listing :run
INSERT INTO mailbox_listing (
    account, data
) VALUES (
    :account, :data
)
ON CONFLICT (account) DO UPDATE
   SET data = excluded.data

-- delete_mailbox_listing :run
DELETE FROM mailbox_listing
 WHERE account = :account

-- put_message_trace :run
INSERT INTO message_trace (
    fingerprint, number, uid, is_gone, seen_at
) VALUES (
    :fingerprint, :number, :uid, :is_gone, :now
)
ON CONFLICT (fingerprint, number, uid, is_gone) DO NOTHING

-- message_traces :many
SELECT fingerprint, number, uid, is_gone, seen_at
  FROM message_trace
 WHERE fingerprint BETWEEN :low AND :high
   AND seen_at >= :since
 ORDER BY fingerprint, number, uid, is_gone
 LIMIT 100

-- purge_message_traces :run slow
DELETE FROM message_trace
 WHERE (fingerprint, number, uid, is_gone) IN (
    SELECT fingerprint, number, uid, is_gone FROM message_trace
     WHERE seen_at < :before
     ORDER BY seen_at, fingerprint, number, uid, is_gone
     LIMIT :limit
 )
