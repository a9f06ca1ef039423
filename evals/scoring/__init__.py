"""Scoring: responses to grades, grades to scores with error bars."""
