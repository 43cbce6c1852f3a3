"""One question about more texts than one machine should answer: Ray Data hands them to actors on a cluster."""
