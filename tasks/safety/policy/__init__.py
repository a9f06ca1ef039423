"""What happens to a finding: the rules of a policy's ``safety:`` section, and the fates they give."""
