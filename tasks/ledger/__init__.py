"""The ledger: what became of every record, stage by stage."""
