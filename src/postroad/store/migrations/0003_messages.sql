-- What is known of mailboxes, and of the messages in them.

-- One row for each mailbox that is followed; it is written by whoever holds the account's lease.
-- Below threaded every message has found its thread, where threads are computed.
CREATE TABLE mailbox_cursor (
    account       TEXT   NOT NULL REFERENCES account ON DELETE CASCADE,
    path          TEXT   NOT NULL,
    number        BIGINT NOT NULL,
    uidvalidity   BIGINT NOT NULL,
    uidnext       BIGINT NOT NULL,
    announced     BIGINT NOT NULL,
    baseline      BIGINT NOT NULL,
    messages      BIGINT NOT NULL,
    highestmodseq BIGINT,
    checked_at    BIGINT NOT NULL,
    indexer       TEXT   NOT NULL CHECK (indexer IN ('full', 'fast')),
    special_use   TEXT,
    delimiter     TEXT,
    threaded      BIGINT NOT NULL DEFAULT 1,
    PRIMARY KEY (account, path)
);

-- Messages by the hundreds: a chunk covers the UIDs from its first to the first of the next.
CREATE TABLE message_chunk (
    account   TEXT   NOT NULL REFERENCES account ON DELETE CASCADE,
    number    BIGINT NOT NULL,
    first_uid BIGINT NOT NULL,
    data      BYTEA  NOT NULL,
    PRIMARY KEY (account, number, first_uid)
);

-- It is small, and rewritten whole at each change.
ALTER TABLE message_chunk ALTER COLUMN data SET STORAGE MAIN;      --@postgres

-- The mailboxes of an account as the server last listed them, as JSON.
CREATE TABLE mailbox_listing (
    account TEXT NOT NULL PRIMARY KEY REFERENCES account ON DELETE CASCADE,
    data    TEXT NOT NULL
);

-- Where announced messages were met and known ones lost, by fingerprint, for some days. The
-- account is part of the fingerprint.
CREATE TABLE message_trace (
    fingerprint BIGINT NOT NULL,
    number      BIGINT NOT NULL,
    uid         BIGINT NOT NULL,
    is_gone     BIGINT NOT NULL CHECK (is_gone IN (0, 1)),
    seen_at     BIGINT NOT NULL,
    PRIMARY KEY (fingerprint, number, uid, is_gone)
)
WITHOUT ROWID                                                      --@sqlite
;

CREATE INDEX message_trace_age ON message_trace (seen_at);

-- Message-IDs that belong together, as hashes: each with the smallest of its thread.
CREATE TABLE thread_node (
    account TEXT   NOT NULL REFERENCES account ON DELETE CASCADE,
    node    BIGINT NOT NULL,
    thread  BIGINT NOT NULL,
    PRIMARY KEY (account, node)
)
WITHOUT ROWID                                                      --@sqlite
;

CREATE INDEX thread_members ON thread_node (account, thread);

ALTER TABLE event ADD COLUMN path TEXT;

ALTER TABLE event ADD COLUMN special_use TEXT;

-- Since when every login was refused, when the mailboxes were last found in order, and what
-- went wrong in one of them.
ALTER TABLE account_status ADD COLUMN refused_since BIGINT;

ALTER TABLE account_status ADD COLUMN synced_at BIGINT;

ALTER TABLE account_status ADD COLUMN sync_error TEXT;
