"""One question, many texts: reading them as a stream, and answering them in processes of their own, in order."""
