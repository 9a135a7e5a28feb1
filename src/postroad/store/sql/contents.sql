-- insert_content :defer
INSERT INTO content (
    content_id, size, bcc_start, bcc_end, created_at, spill, data
) VALUES (
    :content_id, :size, :bcc_start, :bcc_end, :created_at, :spill, :data
)

-- find_content :maybe
SELECT data, spill
  FROM content
 WHERE content_id = :content_id

-- delete_content :many
DELETE FROM content
 WHERE content_id = :content_id
RETURNING content_id, spill, size

-- delete_contents :many slow
DELETE FROM content
 WHERE content_id IN (
    SELECT value FROM json_each(:ids)                              --@sqlite
    SELECT json_array_elements_text(CAST(:ids AS json))            --@postgres
 )
RETURNING content_id, spill, size

-- present_contents :many slow
SELECT content_id
  FROM content
 WHERE content_id IN (
    SELECT value FROM json_each(:ids)                              --@sqlite
    SELECT json_array_elements_text(CAST(:ids AS json))            --@postgres
 )

-- insert_chunk :defer
INSERT INTO content_chunk (
    content_id, n, data
) VALUES (
    :content_id, :n, :data
)

-- find_chunk :maybe
SELECT data
  FROM content_chunk
 WHERE content_id = :content_id
   AND n = :n

-- delete_chunks :defer
DELETE FROM content_chunk
 WHERE content_id = :content_id

-- sweep_chunks :run slow
DELETE FROM content_chunk
 WHERE content_id IN (
    SELECT content_id FROM content_chunk
     WHERE n = 0
       AND content_id < :older_than
       AND NOT EXISTS (SELECT 1 FROM content
                        WHERE content.content_id = content_chunk.content_id)
     ORDER BY content_id
     LIMIT :limit
 )
