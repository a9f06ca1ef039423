"""The mix flow: curated text to tokens and mixtures."""
