-- suppression_columns :part
list_id, recipient, account, source, reason, created_at, scope, message_id,
remote_address, user_agent, evidence

-- insert_suppression :run
INSERT INTO suppression (
    list_id, address, scope, recipient, account, source, reason, message_id,
    remote_address, user_agent, evidence, created_at
) VALUES (
    :list_id, :address, :scope, :recipient, :account, :source, :reason, :message_id,
    :remote_address, :user_agent, :evidence, :created_at
)
ON CONFLICT (list_id, address, scope) DO NOTHING

-- refresh_suppression :run
UPDATE suppression
   SET recipient = :recipient,
       account = :account,
       source = :source,
       reason = :reason,
       message_id = :message_id,
       remote_address = :remote_address,
       user_agent = :user_agent,
       evidence = :evidence,
       created_at = :created_at
 WHERE list_id = :list_id
   AND address = :address
   AND scope = :scope

-- delete_suppression :run
DELETE FROM suppression
 WHERE list_id = :list_id
   AND address = :address
   AND (CAST(:scope AS TEXT) IS NULL OR scope = :scope)

-- delete_account_suppressions :run slow
DELETE FROM suppression
 WHERE scope = :account
   AND scope <> ''

-- Which of some lists have anything on them.
-- filled_suppression_lists :many
SELECT wanted.list_id
  FROM (
    SELECT value AS list_id FROM json_each(:lists)                 --@sqlite
    SELECT json_array_elements_text(CAST(:lists AS json)) AS list_id --@postgres
 ) AS wanted
 WHERE EXISTS (
    SELECT 1 FROM suppression
     WHERE suppression.list_id = wanted.list_id
 )

-- The one question of every submit.
-- find_suppressions :many
SELECT {suppression_columns}
  FROM suppression
 WHERE list_id IN (SELECT value FROM json_each(:lists))            --@sqlite
   AND address IN (SELECT value FROM json_each(:addresses))        --@sqlite
 WHERE list_id = ANY(ARRAY(SELECT json_array_elements_text(CAST(:lists AS json)))) --@postgres
   AND address = ANY(ARRAY(SELECT json_array_elements_text(CAST(:addresses AS json)))) --@postgres
   AND scope IN ('', :account)

-- suppressions_of :many
SELECT {suppression_columns}
  FROM suppression
 WHERE list_id = :list_id
   AND address = :address
 ORDER BY scope

-- has_suppression_list :maybe
SELECT 1
  FROM suppression
 WHERE list_id = :list_id
 LIMIT 1

-- count_suppression_lists :one slow
SELECT COUNT(DISTINCT list_id)
  FROM suppression

-- list_suppression_lists :many slow
SELECT list_id, COUNT(*)
  FROM suppression
 GROUP BY list_id
 ORDER BY list_id
 LIMIT :limit OFFSET :offset

-- count_suppressions :one slow
SELECT COUNT(*)
  FROM suppression
 WHERE list_id = :list_id

-- list_suppressions :many slow
SELECT {suppression_columns}
  FROM suppression
 WHERE list_id = :list_id
 ORDER BY address, scope
 LIMIT :limit OFFSET :offset
