-- returned_columns :part
kind, account, reporter, report, message_id, recipient, action, type, reason, status, response,
queue_id, recorded_at, remote_id

-- find_report :maybe
SELECT report_key
  FROM returned
 WHERE report_key = :report_key
   AND n = 0

-- record_returned :defer
INSERT INTO returned (
    report_key, n, message_key, remote_key, {returned_columns}
) VALUES (
    :report_key, :n, :message_key, :remote_key, :kind, :account, :reporter, :report, :message_id, :recipient,
    :action, :type, :reason, :status, :response, :queue_id, :recorded_at, :remote_id
)

-- returned_of_messages :many
SELECT {returned_columns}
  FROM returned
 WHERE account = :account
   AND message_key IN (
    SELECT value FROM json_each(:keys)                             --@sqlite
    SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST(:keys AS json)) --@postgres
 )
 UNION ALL
SELECT {returned_columns}
  FROM returned
 WHERE account = :account
   AND remote_key IS NOT NULL
   AND remote_key IN (
    SELECT value FROM json_each(:keys)                             --@sqlite
    SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST(:keys AS json)) --@postgres
 )
 ORDER BY 13, 4, 6
 LIMIT :limit

-- returned_of_submission :many slow
SELECT {returned_columns}
  FROM returned
 WHERE queue_id = :queue_id
 ORDER BY recorded_at, report_key, n
 LIMIT :limit

-- purge_returned :run slow
DELETE FROM returned
 WHERE (report_key, n) IN (
    SELECT report_key, n FROM returned
     WHERE recorded_at < :before
     ORDER BY recorded_at, report_key, n
     LIMIT :limit
 )
