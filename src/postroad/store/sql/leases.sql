-- acquire_lease :maybe
INSERT INTO lease (
    name, node_id, token
) VALUES (
    :name, :node_id, 1
)
ON CONFLICT (name) DO UPDATE
   SET node_id = excluded.node_id,
       token = lease.token + 1
 WHERE NOT EXISTS (
    SELECT 1 FROM node
     WHERE node.node_id = lease.node_id
       AND node.expires_at > :now
 )
RETURNING token

-- As acquire_lease, but from its own node too: what that node still does under it is fenced off.
-- take_lease :maybe
INSERT INTO lease (
    name, node_id, token
) VALUES (
    :name, :node_id, 1
)
ON CONFLICT (name) DO UPDATE
   SET node_id = excluded.node_id,
       token = lease.token + 1
 WHERE lease.node_id = excluded.node_id
    OR NOT EXISTS (
    SELECT 1 FROM node
     WHERE node.node_id = lease.node_id
       AND node.expires_at > :now
 )
RETURNING token

-- check_lease :maybe
SELECT token
  FROM lease
 WHERE name = :name
   AND node_id = :node_id
   AND token = :token
   FOR SHARE                                                       --@postgres

-- The row stays, held by nobody: its token must go on growing.
-- release_lease :run
UPDATE lease
   SET node_id = ''
 WHERE name = :name
   AND node_id = :node_id
   AND token = :token

-- Whoever holds it finds out with the next check.
-- revoke_lease :run
UPDATE lease
   SET node_id = '',
       token = token + 1
 WHERE name = :name

-- leases_of :many
SELECT name, node_id, token
  FROM lease
 WHERE node_id = :node_id
 ORDER BY name
