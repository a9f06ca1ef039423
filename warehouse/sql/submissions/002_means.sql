-- With what a submission is evaluated; the defaults are what was done before it could be said.
ALTER TABLE submissions ADD COLUMN data TEXT NOT NULL DEFAULT '';               -- folder, absolute; '' for none
ALTER TABLE submissions ADD COLUMN download INTEGER NOT NULL DEFAULT 0 CHECK (download IN (0, 1));
ALTER TABLE submissions ADD COLUMN accept_licences TEXT NOT NULL DEFAULT '[]';  -- JSON list of licence names
ALTER TABLE submissions ADD COLUMN backend TEXT NOT NULL DEFAULT '{}';          -- JSON object, see BackendSettings
