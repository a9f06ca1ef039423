"""What stands in a text in place of a finding: typed placeholders and fakes of the same form."""
