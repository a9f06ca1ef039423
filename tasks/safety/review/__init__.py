"""Stage ``review``: the fate that the policy and people give to documents with findings, and the spans to redact."""
