-- token_columns :part
token_id, description, created_at, scopes, account, metadata, restrictions, permissions,
ip, expires_at, access_time, access_ip, remote

-- insert_token :run
INSERT INTO token (
    token_id, account, description, search, scopes, metadata, restrictions, permissions,
    ip, created_at, expires_at, access_time, access_ip, remote
) VALUES (
    :token_id, :account, :description, :search, :scopes, :metadata, :restrictions, :permissions,
    :ip, :created_at, :expires_at, :access_time, :access_ip, :remote
)

-- find_token :maybe
SELECT {token_columns}
  FROM token
 WHERE token_id = :token_id

-- count_tokens :one slow
SELECT COUNT(*)
  FROM token
 WHERE (CAST(:account AS TEXT) IS NULL OR account = :account)
   AND (CAST(:pattern AS TEXT) IS NULL OR search LIKE :pattern ESCAPE '\')

-- list_tokens :many slow
SELECT {token_columns}
  FROM token
 WHERE (CAST(:account AS TEXT) IS NULL OR account = :account)
   AND (CAST(:pattern AS TEXT) IS NULL OR search LIKE :pattern ESCAPE '\')
 ORDER BY token_id DESC
 LIMIT :limit OFFSET :offset

-- delete_token :run
DELETE FROM token
 WHERE token_id = :token_id

-- touch_token :run
UPDATE token
   SET access_time = :time,
       access_ip = :ip
 WHERE token_id = :token_id
   AND (access_time IS NULL OR access_time < :time)
