-- What the tables of data were loaded from, apart from the log: a version that differs only in the log begins as a copy.

ALTER TABLE build ADD COLUMN data_digest VARCHAR;
