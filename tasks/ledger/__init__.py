"""The ledger: the fate of every record, stage by stage."""
