"""Orders of rows by a signal, which stages of a plan may have instead of being shuffled."""
