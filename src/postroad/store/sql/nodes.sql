-- beat_node :run
INSERT INTO node (
    node_id, started_at, expires_at
) VALUES (
    :node_id, :now, :expires_at
)
ON CONFLICT (node_id) DO UPDATE
   SET expires_at = excluded.expires_at

-- all_nodes :many
SELECT node_id, started_at, expires_at
  FROM node
 ORDER BY started_at, node_id

-- delete_node :run
DELETE FROM node
 WHERE node_id = :node_id
