-- Mailboxes that people made in a sandbox account, and those of the five that every account has
-- whose subscription was changed.

CREATE TABLE sandbox_folder (
    account       TEXT   NOT NULL REFERENCES account ON DELETE CASCADE,
    mailbox       TEXT   NOT NULL,
    is_subscribed BIGINT NOT NULL CHECK (is_subscribed IN (0, 1)),
    made_at       BIGINT NOT NULL,
    PRIMARY KEY (account, mailbox)
);
