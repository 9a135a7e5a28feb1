-- Mailboxes inside Postroad. What the last UID was outlives the messages, so none comes twice.

CREATE TABLE sandbox_mailbox (
    account  TEXT   NOT NULL REFERENCES account ON DELETE CASCADE,
    mailbox  TEXT   NOT NULL,
    last_uid BIGINT NOT NULL CHECK (last_uid > 0),
    PRIMARY KEY (account, mailbox)
);

CREATE TABLE sandbox_message (
    account     TEXT   NOT NULL,
    mailbox     TEXT   NOT NULL,
    uid         BIGINT NOT NULL CHECK (uid > 0),
    flags       TEXT   NOT NULL,
    received_at BIGINT NOT NULL,
    message_id  TEXT   NOT NULL,
    content_id  TEXT   NOT NULL UNIQUE REFERENCES content,
    PRIMARY KEY (account, mailbox, uid),
    FOREIGN KEY (account, mailbox) REFERENCES sandbox_mailbox ON DELETE CASCADE
);

CREATE INDEX sandbox_message_id ON sandbox_message (account, mailbox, message_id, uid);

-- Whose address is it? The first question of every delivery inside.
CREATE INDEX account_email ON account (lower(email))
    WHERE email IS NOT NULL;

-- A message takes its content with it, also when its account goes. Files and chunks without
-- their content row are found by the sweep.
CREATE TRIGGER sandbox_message_content AFTER DELETE ON sandbox_message BEGIN --@sqlite
    DELETE FROM content WHERE content_id = old.content_id;         --@sqlite
END;                                                               --@sqlite
CREATE FUNCTION drop_sandbox_content() RETURNS trigger LANGUAGE plpgsql AS $$ --@postgres
BEGIN                                                              --@postgres
    DELETE FROM content WHERE content_id = old.content_id;         --@postgres
    RETURN NULL;                                                   --@postgres
END                                                                --@postgres
$$;                                                                --@postgres

CREATE TRIGGER sandbox_message_content AFTER DELETE ON sandbox_message --@postgres
    FOR EACH ROW EXECUTE FUNCTION drop_sandbox_content();          --@postgres
