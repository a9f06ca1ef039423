"""A quality classifier: trained from good and bad texts, measured on texts it has not seen, used as a signal."""
