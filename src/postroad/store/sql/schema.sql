-- A write that changes nothing: does the disk take it?
-- probe :run
UPDATE schema_version
   SET applied_at = applied_at
 WHERE number = 1
