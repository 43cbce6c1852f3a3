"""What the table of `next-tokens` can show beside tokens and probabilities; a command line's help names it early."""

ID, LOGIT, LOGPROB, ENTROPY = COLUMNS = ("id", "logit", "logprob", "entropy")
