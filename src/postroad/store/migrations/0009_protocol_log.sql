-- What was said between us and the mail servers of accounts that keep a log, piece by piece.

-- upto counts the account's lines from the first ever to the last of the piece.
CREATE TABLE protocol_log (
    account TEXT   NOT NULL REFERENCES account ON DELETE CASCADE,
    upto    BIGINT NOT NULL,
    data    TEXT   NOT NULL,
    PRIMARY KEY (account, upto)
);
