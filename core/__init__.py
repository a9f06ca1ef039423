"""What everything else stands on: lake, manifests, steps, tables, configs, digests. Manifests are written only here."""
