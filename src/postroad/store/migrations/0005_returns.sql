-- What was sent, and what came back of it.

-- One row for each submission that a relay took, written with that fact, and one more for each
-- further recipient. Looked up by hashes of what a report may name: Message-IDs, ENVID, addresses.
-- Rows come and go in the order of time; those of an account that is gone are found no more.
CREATE TABLE sent (
    accepted_at   BIGINT NOT NULL,
    queue_id      TEXT   NOT NULL,
    n             BIGINT NOT NULL CHECK (n >= 0),
    account       TEXT   NOT NULL,
    recipient_key BIGINT,
    message_key   BIGINT,
    remote_key    BIGINT,
    envelope_key  BIGINT,
    data          TEXT,
    PRIMARY KEY (accepted_at, queue_id, n),
    CHECK ((n = 0) = (data IS NOT NULL))
)
WITHOUT ROWID                                                      --@sqlite
;

CREATE INDEX sent_recipient ON sent (recipient_key, accepted_at)
    WHERE recipient_key IS NOT NULL;

CREATE INDEX sent_message ON sent (message_key)
    WHERE message_key IS NOT NULL;

CREATE INDEX sent_remote ON sent (remote_key)
    WHERE remote_key IS NOT NULL;

CREATE INDEX sent_envelope ON sent (envelope_key)
    WHERE envelope_key IS NOT NULL;

-- Bounces and complaints, one row for each recipient. The account is the one whose mail it was;
-- the report lies in the mailbox of the reporter, which is nearly always the same. A relay that
-- gives messages another Message-ID is named by it in reports; both lead here.
CREATE TABLE returned (
    report_key  BIGINT NOT NULL,
    n           BIGINT NOT NULL CHECK (n >= 0),
    kind        TEXT   NOT NULL CHECK (kind IN ('bounce', 'complaint')),
    account     TEXT   NOT NULL REFERENCES account ON DELETE CASCADE,
    reporter    TEXT   NOT NULL,
    report      TEXT   NOT NULL,
    message_key BIGINT,
    message_id  TEXT,
    remote_key  BIGINT,
    remote_id   TEXT,
    recipient   TEXT   NOT NULL,
    action      TEXT,
    type        TEXT,
    reason      TEXT,
    status      TEXT,
    response    TEXT,
    queue_id    TEXT,
    recorded_at BIGINT NOT NULL,
    PRIMARY KEY (report_key, n)
);

CREATE INDEX returned_account ON returned (account, message_key);

CREATE INDEX returned_remote ON returned (account, remote_key)
    WHERE remote_key IS NOT NULL;

CREATE INDEX returned_submission ON returned (queue_id)
    WHERE queue_id IS NOT NULL;

CREATE INDEX returned_age ON returned (recorded_at, report_key, n);
