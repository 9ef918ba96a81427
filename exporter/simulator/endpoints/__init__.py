"""The simulated exchange's endpoints: how the market looks on the wire, and the faults in it.

Reading order: `records` (a record on the wire), `paging` (windows, cursors, pages), `account` (an
endpoint made of both), `routes`; then `faults` and `fault_injection`, and `truth`, which serves the
same records without either.
"""
