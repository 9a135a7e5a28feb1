-- Two nodes may write the log of one account; SQLite has one writer anyway.
-- lock_protocol_log :one
SELECT :account                                                    --@sqlite
SELECT pg_advisory_xact_lock(1886351471, hashtext(:account))       --@postgres

-- last_protocol_line :maybe
SELECT upto
  FROM protocol_log
 WHERE account = :account
 ORDER BY upto DESC
 LIMIT 1

-- Nothing is kept of an account that has gone meanwhile.
-- add_protocol_lines :run
INSERT INTO protocol_log (
    account, upto, data
)
SELECT account, :upto, :data
  FROM account
 WHERE account = :account

-- drop_protocol_lines :run
DELETE FROM protocol_log
 WHERE account = :account
   AND upto <= :upto

-- protocol_lines :many
SELECT upto, data
  FROM protocol_log
 WHERE account = :account
   AND upto > :after
 ORDER BY upto
 LIMIT :limit

-- next_protocol_account :maybe
SELECT account
  FROM protocol_log
 WHERE account > :after
 ORDER BY account
 LIMIT 1
