-- event_columns :part
seq, event_id, account, name, recorded_at, data, queue_id, path, special_use

-- The job comes with it by a trigger. SQLite takes seq as the largest plus one.
-- record_event :defer
INSERT INTO event (
    event_id, account, name, recorded_at, queue_id, data, path, special_use
) VALUES (
    :event_id, :account, :name, :recorded_at, :queue_id, :data, :path, :special_use
)

-- events_after :many slow
SELECT xact, {event_columns}
  FROM event
 WHERE seq > :seq AND xact = 0 AND :xact < 1                       --@sqlite
 WHERE (xact, seq) > (:xact, :seq)                                 --@postgres
   AND xact < CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS TEXT) AS BIGINT) --@postgres
 ORDER BY xact, seq                                                --@postgres
 ORDER BY seq                                                      --@sqlite
 LIMIT :limit

-- find_event :maybe
SELECT {event_columns}
  FROM event
 WHERE event_id = :event_id

-- events_of :many slow
SELECT {event_columns}
  FROM event
 WHERE account = :account
   AND queue_id = :queue_id
 ORDER BY seq
 LIMIT :limit

-- An earlier account of the same id may have left events in the log; they are not this one's.
-- count_events :many slow
SELECT name, SUM(n)
  FROM (
    SELECT name, COUNT(*) AS n FROM event
     WHERE account = :account
       AND recorded_at >= COALESCE(
               (SELECT a.created_at FROM account a WHERE a.account = :account), 0)
     GROUP BY name
     UNION ALL
    SELECT name, total FROM event_total
     WHERE account = :account
  ) AS counted
 GROUP BY name
 ORDER BY name

-- purge_events :many slow
DELETE FROM event
 WHERE seq IN (
    SELECT seq FROM event
     WHERE recorded_at < :before
       AND seq < (SELECT MAX(seq) FROM event)
     ORDER BY seq
     LIMIT :limit
 )
RETURNING account, name, recorded_at

-- event_account_created :maybe
SELECT created_at
  FROM account
 WHERE account = :account

-- add_event_total :run
INSERT INTO event_total (
    account, name, total
) VALUES (
    :account, :name, :total
)
ON CONFLICT (account, name) DO UPDATE
   SET total = event_total.total + excluded.total

-- delete_event_totals :defer
DELETE FROM event_total
 WHERE account = :account
