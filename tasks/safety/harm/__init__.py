"""Harm: toxicity, hate, sexual content, violence, self-harm, dual use; word lists, classifiers, calibration."""
