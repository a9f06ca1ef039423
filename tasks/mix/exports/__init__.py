"""Token stores as the files that trainers read: small indexes over the same bytes."""
