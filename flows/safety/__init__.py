"""Questions to a lake about safety: what opt-outs cost."""
