"""Review: the queue of doubtful documents, and what the review has measured."""
