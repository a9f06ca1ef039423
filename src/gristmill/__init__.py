"""Gristmill: crawled text to training data, models trained on it, scores, and which data moved which score."""
