-- Whether the model is asked anew, whatever it was asked before.
ALTER TABLE submissions ADD COLUMN fresh INTEGER NOT NULL DEFAULT 0 CHECK (fresh IN (0, 1));
