"""One file per question that can be asked of a model. These know no path, no stream and no particular backend."""
