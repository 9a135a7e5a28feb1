-- A row that comes and goes in one transaction: does the disk take it? Changing nothing would
-- not do, as SQLite then writes nothing.
-- probe_in :run
INSERT INTO event_total (
    account, name, total
) VALUES (
    '', 'probe', 0
)
ON CONFLICT (account, name) DO NOTHING

-- probe_out :run
DELETE FROM event_total
 WHERE account = ''
   AND name = 'probe'
