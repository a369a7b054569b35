"""What to send, whether to try again, how an answer is read, which error it is.  Pure: no network, no clock, no randomness."""
