"""What each command takes and writes. Only what is needed to read a command line is imported before one runs."""
