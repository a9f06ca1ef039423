"""Filtering: policies over signals, the verdicts they give, and what another policy would give."""
