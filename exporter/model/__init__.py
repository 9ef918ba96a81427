"""What everything else is built on: errors, windows, records, streams. Pure: no I/O, no clock."""
