-- Addresses that are not written to any more. An entry holds for one account (scope) or, where
-- the scope is empty, for all. The address is the spelling that addresses are compared by.

CREATE TABLE suppression (
    list_id        TEXT   NOT NULL,
    address        TEXT   NOT NULL,
    scope          TEXT   NOT NULL,
    recipient      TEXT   NOT NULL,
    account        TEXT   NOT NULL,
    source         TEXT   NOT NULL,
    reason         TEXT   NOT NULL,
    message_id     TEXT,
    remote_address TEXT,
    user_agent     TEXT,
    evidence       TEXT,
    created_at     BIGINT NOT NULL,
    PRIMARY KEY (list_id, address, scope)
);

-- For the account that goes.
CREATE INDEX suppression_scope ON suppression (scope)
    WHERE scope <> '';
