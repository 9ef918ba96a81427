"""What everything else speaks of: errors, windows, records, streams. Pure: no I/O and no clock."""
