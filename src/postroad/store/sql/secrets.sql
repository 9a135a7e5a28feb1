-- submissions_with_proxy :many slow
SELECT queue_id
  FROM submission
 WHERE proxy IS NOT NULL
 ORDER BY queue_id

-- sealed_account :maybe
SELECT config
  FROM account
 WHERE account = :key

-- sealed_setting :maybe
SELECT value
  FROM setting
 WHERE key = :key

-- sealed_submission :maybe
SELECT proxy
  FROM submission
 WHERE queue_id = :key

-- reseal_account :run
UPDATE account
   SET config = :new
 WHERE account = :key
   AND config = :old

-- reseal_setting :run
UPDATE setting
   SET value = :new
 WHERE key = :key
   AND value = :old

-- reseal_submission :run
UPDATE submission
   SET proxy = :new
 WHERE queue_id = :key
   AND proxy = :old
