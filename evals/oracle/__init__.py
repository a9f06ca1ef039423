"""The two-process oracle: trusted tests outside, the candidate in the jail, plain values between them."""
