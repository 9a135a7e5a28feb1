-- account_columns :part
account.account, name, email, config, version, created_at

-- status_columns :part
state, state_since, last_error, next_try_at,
connected_before, authenticated_before, smtp_status, synced_at, sync_error

-- find_account :maybe
SELECT {account_columns}
  FROM account
 WHERE account = :account

-- put_account :defer
INSERT INTO account (
    account, name, email, config, search, version, created_at
) VALUES (
    :account, :name, :email, :config, :search, :version, :created_at
)
ON CONFLICT (account) DO UPDATE
   SET name = excluded.name,
       email = excluded.email,
       config = excluded.config,
       search = excluded.search,
       version = excluded.version,
       created_at = excluded.created_at

-- insert_account_status :run
INSERT INTO account_status (
    account, state, state_since, connected_before, authenticated_before
) VALUES (
    :account, :state, :now, 0, 0
)
ON CONFLICT (account) DO NOTHING

-- count_accounts :one slow
SELECT COUNT(*)
  FROM account
  JOIN account_status ON account_status.account = account.account
 WHERE (CAST(:state AS TEXT) IS NULL OR state = :state)
   AND (CAST(:pattern AS TEXT) IS NULL OR search LIKE :pattern ESCAPE '\')

-- list_accounts :many slow
SELECT {account_columns}, {status_columns}
  FROM account
  JOIN account_status ON account_status.account = account.account
 WHERE (CAST(:state AS TEXT) IS NULL OR state = :state)
   AND (CAST(:pattern AS TEXT) IS NULL OR search LIKE :pattern ESCAPE '\')
 ORDER BY account.account
 LIMIT :limit OFFSET :offset

-- account_versions :many slow
SELECT account, version
  FROM account
 ORDER BY account

-- count_account_states :many slow
SELECT state, COUNT(*)
  FROM account_status
 GROUP BY state
 ORDER BY state

-- delete_account :run slow
DELETE FROM account
 WHERE account = :account

-- find_account_status :maybe
SELECT {status_columns}
  FROM account_status
 WHERE account = :account

-- lock_account_status :maybe
SELECT {status_columns}, told_error, refused_since
  FROM account_status
 WHERE account = :account
   FOR UPDATE                                                      --@postgres

-- set_account_status :run
UPDATE account_status
   SET state = :state,
       state_since = :state_since,
       last_error = :last_error,
       next_try_at = :next_try_at,
       connected_before = :connected_before,
       authenticated_before = :authenticated_before,
       told_error = :told_error,
       refused_since = :refused_since,
       synced_at = :synced_at,
       sync_error = :sync_error
 WHERE account = :account

-- set_smtp_status :defer
UPDATE account_status
   SET smtp_status = :smtp_status
 WHERE account = :account

-- find_told_error :maybe
SELECT told_error
  FROM account_status
 WHERE account = :account

-- reset_account_states :run slow
UPDATE account_status
   SET state = 'init',
       state_since = :now,
       next_try_at = NULL
 WHERE state NOT IN ('init', 'unset')
