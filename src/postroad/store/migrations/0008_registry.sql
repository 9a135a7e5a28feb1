-- All recipients of what was sent, and what the sender's own system calls a message.

-- Recipients beyond those that lie with the message itself; only messages to many have any. Rows
-- come and go with those of the message.
CREATE TABLE sent_to (
    accepted_at   BIGINT NOT NULL,
    queue_id      TEXT   NOT NULL,
    n             BIGINT NOT NULL CHECK (n > 0),
    account       TEXT   NOT NULL,
    recipient_key BIGINT NOT NULL,
    recipient     TEXT   NOT NULL,
    PRIMARY KEY (accepted_at, queue_id, n)
)
WITHOUT ROWID                                                      --@sqlite
;

CREATE INDEX sent_to_recipient ON sent_to (recipient_key, account, accepted_at);

-- Nothing ever wrote to this column.
ALTER TABLE submission RENAME COLUMN labels TO tags;
