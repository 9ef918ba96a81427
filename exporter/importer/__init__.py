"""Files that people write by hand or download: movements, exchange rates and lots, as CSV.

Pure: text goes in, rows and faults come out. `layouts` says which columns there are, `values` how a
cell is read, `reader` goes through a file line by line.
"""

from exporter.importer.layouts import LAYOUTS, Layout, Target
from exporter.importer.reader import FaultList, Row, rows_of

__all__ = ["LAYOUTS", "FaultList", "Layout", "Row", "Target", "rows_of"]
