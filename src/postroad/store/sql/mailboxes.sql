-- find_mailbox_number :maybe
SELECT number
  FROM mailbox_number
 WHERE account = :account
   AND path = :path
   AND uidvalidity = :uidvalidity

-- No row when another process gave out the same number or numbered the same mailbox.
-- give_mailbox_number :maybe
INSERT INTO mailbox_number (
    account, number, path, uidvalidity
)
SELECT CAST(:account AS TEXT),
       COALESCE(MAX(number), 0) + 1,
       CAST(:path AS TEXT),
       CAST(:uidvalidity AS TEXT)
  FROM mailbox_number
 WHERE account = :account
    ON CONFLICT DO NOTHING
RETURNING number

-- find_mailbox :maybe
SELECT number, path, uidvalidity
  FROM mailbox_number
 WHERE account = :account
   AND number = :number
