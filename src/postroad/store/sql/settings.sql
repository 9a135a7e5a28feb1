-- all_settings :many
SELECT key, value
  FROM setting
 ORDER BY key

-- set_setting :defer
INSERT INTO setting (
    key, value, updated_at
) VALUES (
    :key, :value, :now
)
ON CONFLICT (key) DO UPDATE
   SET value = excluded.value,
       updated_at = excluded.updated_at

-- delete_setting :run
DELETE FROM setting
 WHERE key = :key
