"""The swarm mixer: many small trials, a law of loss over mixtures, and the best mixture by that law."""
