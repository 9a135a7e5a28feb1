-- Threads, packed.

-- Message-IDs that belong together, as hashes and by the dozens: a chunk covers those from its
-- first to the first of the next, and the first of all begins at the lowest number there is.
CREATE TABLE thread_chunk (
    account    TEXT   NOT NULL REFERENCES account ON DELETE CASCADE,
    first_node BIGINT NOT NULL,
    data       BYTEA  NOT NULL,
    PRIMARY KEY (account, first_node)
);

-- It is small, and rewritten whole at each change.
ALTER TABLE thread_chunk ALTER COLUMN data SET STORAGE MAIN;       --@postgres

-- Of each node: itself, its thread, the next in the ring of the thread, and whether it is the one
-- by whose name the thread goes. A rank of 2 fits a node that others hang under.
INSERT INTO thread_chunk (account, first_node, data)
SELECT account,
       CASE WHEN part = 0 THEN -9223372036854775807 - 1 ELSE MIN(node) END,
       unhex('01' || group_concat(                                 --@sqlite
           printf('%016X%016X%016X%02X', node, thread, after, rank), '' ORDER BY node)) --@sqlite
       '\x01'::bytea || string_agg(                                --@postgres
           int8send(node) || int8send(thread) || int8send(after)   --@postgres
               || substr(int2send(rank), 2, 1), ''::bytea ORDER BY node) --@postgres
  FROM (
    SELECT account,
           node,
           thread,
           COALESCE(
               LEAD(node) OVER (PARTITION BY account, thread ORDER BY node),
               FIRST_VALUE(node) OVER (PARTITION BY account, thread ORDER BY node)
           ) AS after,
           CAST(CASE WHEN node = thread THEN 2 ELSE 0 END AS SMALLINT) AS rank,
           (ROW_NUMBER() OVER (PARTITION BY account ORDER BY node) - 1) / 32 AS part
      FROM thread_node
  ) AS nodes
 GROUP BY account, part;

DROP TABLE thread_node;

-- From threaded to unthreaded messages wait for their threads, where these are computed. All do
-- once more: of each message the index now has the node.
ALTER TABLE mailbox_cursor ADD COLUMN unthreaded BIGINT NOT NULL DEFAULT 1;

UPDATE mailbox_cursor
   SET threaded = 1,
       unthreaded = CASE WHEN uidnext > baseline THEN uidnext ELSE baseline END;
