-- sandbox_accounts_of :many
SELECT account
  FROM account
 WHERE email IS NOT NULL
   AND lower(email) = :email
 ORDER BY account
 LIMIT 100

-- sandbox_next_uid :one
INSERT INTO sandbox_mailbox (account, mailbox, last_uid)
VALUES (:account, :mailbox, 1)
ON CONFLICT (account, mailbox) DO UPDATE
   SET last_uid = sandbox_mailbox.last_uid + 1
RETURNING last_uid

-- sandbox_insert :run
INSERT INTO sandbox_message (
    account, mailbox, uid, flags, received_at, message_id, content_id
) VALUES (
    :account, :mailbox, :uid, :flags, :received_at, :message_id, :content_id
)

-- sandbox_trim :run
DELETE FROM sandbox_message
 WHERE account = :account
   AND mailbox = :mailbox
   AND uid <= :uid

-- sandbox_columns :part
SELECT sandbox_message.account, mailbox, uid, flags, received_at, message_id,
       content.content_id, size, bcc_start, bcc_end
  FROM sandbox_message
  JOIN content ON content.content_id = sandbox_message.content_id

-- sandbox_find :maybe
{sandbox_columns}
 WHERE sandbox_message.account = :account
   AND mailbox = :mailbox
   AND uid = :uid

-- sandbox_find_by_message_id :maybe
SELECT uid
  FROM sandbox_message
 WHERE account = :account
   AND mailbox = :mailbox
   AND message_id = :message_id
 ORDER BY uid DESC
 LIMIT 1

-- sandbox_list :many
{sandbox_columns}
 WHERE sandbox_message.account = :account
   AND mailbox = :mailbox
 ORDER BY uid DESC
 LIMIT :limit

-- sandbox_set_flags :run
UPDATE sandbox_message
   SET flags = :flags
 WHERE account = :account
   AND mailbox = :mailbox
   AND uid = :uid

-- sandbox_page :many
{sandbox_columns}
 WHERE sandbox_message.account = :account
   AND mailbox = :mailbox
 ORDER BY uid DESC
 LIMIT :limit
OFFSET :skip

-- sandbox_count :one
SELECT COUNT(*)
  FROM sandbox_message
 WHERE account = :account
   AND mailbox = :mailbox

-- sandbox_flags :many
SELECT mailbox, flags
  FROM sandbox_message
 WHERE account = :account
 ORDER BY mailbox, uid

-- sandbox_move :run
UPDATE sandbox_message
   SET mailbox = :destination,
       uid = :new_uid
 WHERE account = :account
   AND mailbox = :mailbox
   AND uid = :uid

-- sandbox_delete :run
DELETE FROM sandbox_message
 WHERE account = :account
   AND mailbox = :mailbox
   AND uid = :uid

-- sandbox_folders :many
SELECT mailbox, is_subscribed, made_at
  FROM sandbox_folder
 WHERE account = :account
 ORDER BY mailbox

-- sandbox_put_folder :run
INSERT INTO sandbox_folder (account, mailbox, is_subscribed, made_at)
VALUES (:account, :mailbox, :is_subscribed, :made_at)
ON CONFLICT (account, mailbox) DO UPDATE
   SET is_subscribed = excluded.is_subscribed

-- sandbox_delete_folder :run
DELETE FROM sandbox_folder
 WHERE account = :account
   AND mailbox = :mailbox

-- Takes the messages along.
-- sandbox_delete_mailbox :run
DELETE FROM sandbox_mailbox
 WHERE account = :account
   AND mailbox = :mailbox

-- sandbox_copy_mailbox :run
INSERT INTO sandbox_mailbox (account, mailbox, last_uid)
SELECT account, CAST(:destination AS TEXT), last_uid
  FROM sandbox_mailbox
 WHERE account = :account
   AND mailbox = :mailbox

-- sandbox_move_all :run
UPDATE sandbox_message
   SET mailbox = :destination
 WHERE account = :account
   AND mailbox = :mailbox

-- sandbox_last_uids :many
SELECT mailbox, last_uid
  FROM sandbox_mailbox
 WHERE account = :account
 ORDER BY mailbox
