-- Times are epoch milliseconds, flags are 0 or 1, JSON is text that is never queried into.
-- A TEXT column compares bytewise on both engines (dialect.py sees to it on PostgreSQL), so
-- the order that pages and skip scans rely on is the same.

CREATE TABLE account (
    account    TEXT   NOT NULL PRIMARY KEY,
    name       TEXT   NOT NULL,
    email      TEXT,
    config     TEXT   NOT NULL,
    search     TEXT   NOT NULL,
    version    BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE account_status (
    account              TEXT   NOT NULL PRIMARY KEY REFERENCES account ON DELETE CASCADE,
    state                TEXT   NOT NULL,
    state_since          BIGINT NOT NULL,
    last_error           TEXT,
    next_try_at          BIGINT,
    connected_before     BIGINT NOT NULL CHECK (connected_before IN (0, 1)),
    authenticated_before BIGINT NOT NULL CHECK (authenticated_before IN (0, 1)),
    smtp_status          TEXT,
    told_error           TEXT
);

CREATE INDEX account_status_state ON account_status (state, account);

CREATE TABLE mailbox_number (
    account     TEXT   NOT NULL REFERENCES account ON DELETE CASCADE,
    number      BIGINT NOT NULL CHECK (number > 0),
    path        TEXT   NOT NULL,
    uidvalidity TEXT   NOT NULL,
    PRIMARY KEY (account, number),
    UNIQUE (account, path, uidvalidity)
);

CREATE TABLE content (
    content_id TEXT   NOT NULL PRIMARY KEY,
    size       BIGINT NOT NULL CHECK (size >= 0),
    bcc_start  BIGINT NOT NULL,
    bcc_end    BIGINT NOT NULL CHECK (bcc_end >= bcc_start),
    created_at BIGINT NOT NULL,
    spill      TEXT,
    data       BYTEA
);

-- Octets of large content on PostgreSQL. Written before the content row, so that a crash
-- leaves only pieces that the sweep finds by their missing row.
CREATE TABLE content_chunk (
    content_id TEXT   NOT NULL,
    n          BIGINT NOT NULL,
    data       BYTEA  NOT NULL,
    PRIMARY KEY (content_id, n)
);

ALTER TABLE content ALTER COLUMN data SET STORAGE EXTERNAL;        --@postgres

ALTER TABLE content_chunk ALTER COLUMN data SET STORAGE EXTERNAL;  --@postgres

CREATE TABLE submission (
    queue_id          TEXT   NOT NULL PRIMARY KEY,
    account           TEXT   NOT NULL,
    lane              TEXT   NOT NULL,
    source            TEXT   NOT NULL,
    mail_from         TEXT   NOT NULL,
    rcpt_to           TEXT   NOT NULL,
    message_id        TEXT   NOT NULL,
    subject           TEXT   NOT NULL,
    content_id        TEXT   NOT NULL,
    content_size      BIGINT NOT NULL,
    bcc_start         BIGINT NOT NULL,
    bcc_end           BIGINT NOT NULL,
    state             TEXT   NOT NULL
        CHECK (state IN ('queued', 'accepted', 'done', 'failed', 'cancelled')),
    created_at        BIGINT NOT NULL,
    scheduled_at      BIGINT NOT NULL,
    next_attempt_at   BIGINT NOT NULL,
    attempts          BIGINT NOT NULL CHECK (attempts >= 0),
    max_attempts      BIGINT NOT NULL,
    expires_at        BIGINT,
    claim_token       BIGINT NOT NULL,
    claimed_by        TEXT,
    finish_attempts   BIGINT NOT NULL,
    dsn               TEXT,
    wants_copy        BIGINT,
    sent_path         TEXT,
    flagging          TEXT,
    idempotency_key   TEXT,
    proxy             TEXT,
    local_address     TEXT,
    eight_bit         BIGINT NOT NULL,
    smtputf8          BIGINT NOT NULL,
    labels            TEXT,
    last_error        TEXT,
    last_code         TEXT,
    last_status       BIGINT,
    response          TEXT,
    remote_message_id TEXT,
    finished_at       BIGINT,
    CHECK ((finished_at IS NULL) = (state IN ('queued', 'accepted')))
);

-- Schedule, retry, claim end: one index, lane by lane. claimed_by rides along so that the
-- outbox is listed and the claims of a dead node are found from the index alone.
CREATE INDEX submission_due ON submission (lane, next_attempt_at, queue_id, claimed_by)
    WHERE state = 'queued';

CREATE INDEX submission_finish ON submission (lane, next_attempt_at, queue_id, claimed_by)
    WHERE state = 'accepted';

CREATE INDEX submission_failed ON submission (finished_at, queue_id)
    WHERE state = 'failed';

CREATE INDEX submission_ended ON submission (finished_at, queue_id)
    WHERE state IN ('done', 'cancelled');

CREATE INDEX submission_account ON submission (account, queue_id);

CREATE TABLE attempt (
    queue_id    TEXT   NOT NULL REFERENCES submission ON DELETE CASCADE,
    number      BIGINT NOT NULL,
    started_at  BIGINT NOT NULL,
    finished_at BIGINT NOT NULL,
    outcome     TEXT   NOT NULL
        CHECK (outcome IN ('accepted', 'deferred', 'rejected', 'lost')),
    code        TEXT,
    status      BIGINT,
    response    TEXT,
    node_id     TEXT,
    PRIMARY KEY (queue_id, number)
)
WITHOUT ROWID                                                      --@sqlite
;

-- xact is the writing transaction. Readers go by (xact, seq) and stop before the oldest
-- transaction still running, so that nothing ever appears behind them. A single writer
-- commits in the order of seq and needs no xact.
CREATE TABLE event (
    seq         INTEGER PRIMARY KEY,                               --@sqlite
    seq         BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,  --@postgres
    xact        BIGINT  NOT NULL DEFAULT 0,                        --@sqlite
    xact        BIGINT  NOT NULL                                   --@postgres
        DEFAULT CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT), --@postgres
    event_id    TEXT    NOT NULL UNIQUE,
    account     TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    recorded_at BIGINT  NOT NULL,
    queue_id    TEXT,
    data        TEXT    NOT NULL
);

CREATE UNIQUE INDEX event_order ON event (xact, seq);              --@postgres

CREATE INDEX event_count ON event (account, name);

-- Events that were counted and then purged.
CREATE TABLE event_total (
    account TEXT   NOT NULL,
    name    TEXT   NOT NULL,
    total   BIGINT NOT NULL,
    PRIMARY KEY (account, name)
);

CREATE TABLE webhook_job (
    seq             BIGINT NOT NULL PRIMARY KEY REFERENCES event ON DELETE CASCADE,  --@postgres
    seq             INTEGER NOT NULL PRIMARY KEY REFERENCES event ON DELETE CASCADE, --@sqlite
    account         TEXT   NOT NULL,
    state           TEXT   NOT NULL CHECK (state IN ('pending', 'failed')),
    attempts        BIGINT NOT NULL,
    next_attempt_at BIGINT NOT NULL,
    queued_at       BIGINT NOT NULL,
    claimed_by      TEXT,
    claim_token     BIGINT NOT NULL,
    last_error      TEXT
);

-- No event without its job, whoever records it.
CREATE TRIGGER event_has_job AFTER INSERT ON event BEGIN           --@sqlite
    INSERT INTO webhook_job (                                      --@sqlite
        seq, account, state, attempts, next_attempt_at, queued_at, claim_token --@sqlite
    ) VALUES (                                                     --@sqlite
        new.seq, new.account, 'pending', 0, new.recorded_at, new.recorded_at, 0 --@sqlite
    );                                                             --@sqlite
END;                                                               --@sqlite
CREATE FUNCTION give_event_its_job() RETURNS trigger LANGUAGE plpgsql AS $$ --@postgres
BEGIN                                                              --@postgres
    INSERT INTO webhook_job (                                      --@postgres
        seq, account, state, attempts, next_attempt_at, queued_at, claim_token --@postgres
    ) VALUES (                                                     --@postgres
        new.seq, new.account, 'pending', 0, new.recorded_at, new.recorded_at, 0 --@postgres
    );                                                             --@postgres
    RETURN NULL;                                                   --@postgres
END                                                                --@postgres
$$;                                                                --@postgres

CREATE TRIGGER event_has_job AFTER INSERT ON event                 --@postgres
    FOR EACH ROW EXECUTE FUNCTION give_event_its_job();            --@postgres

CREATE INDEX webhook_job_due ON webhook_job (account, next_attempt_at, seq, claimed_by)
    WHERE state = 'pending';

CREATE INDEX webhook_job_failed ON webhook_job (seq)
    WHERE state = 'failed';

CREATE TABLE webhook_error (
    target      TEXT   NOT NULL PRIMARY KEY,
    event       TEXT   NOT NULL,
    message     TEXT   NOT NULL,
    time        BIGINT NOT NULL,
    url         TEXT   NOT NULL,
    code        TEXT,
    status_code BIGINT
);

CREATE TABLE idempotency (
    account    TEXT   NOT NULL,
    key        TEXT   NOT NULL,
    queue_id   TEXT   NOT NULL,
    response   TEXT   NOT NULL,
    body_hash  TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account, key)
);

CREATE INDEX idempotency_age ON idempotency (created_at, account, key);

CREATE TABLE token (
    token_id     TEXT   NOT NULL PRIMARY KEY,
    account      TEXT   REFERENCES account ON DELETE CASCADE,
    description  TEXT   NOT NULL,
    search       TEXT   NOT NULL,
    scopes       TEXT   NOT NULL,
    metadata     TEXT,
    restrictions TEXT,
    permissions  TEXT,
    ip           TEXT,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT,
    access_time  BIGINT,
    access_ip    TEXT,
    remote       BIGINT NOT NULL CHECK (remote IN (0, 1))
);

CREATE INDEX token_account ON token (account)
    WHERE account IS NOT NULL;

CREATE TABLE setting (
    key        TEXT   NOT NULL PRIMARY KEY,
    value      TEXT   NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE node (
    node_id    TEXT   NOT NULL PRIMARY KEY,
    started_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE lease (
    name    TEXT   NOT NULL PRIMARY KEY,
    node_id TEXT   NOT NULL,
    token   BIGINT NOT NULL
);
