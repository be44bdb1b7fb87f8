// Nothing: what comes with this file is the headers that are compiled for others.
