"""Formats that reports are exported in, one module each. They are handed rows and write bytes.

`columns` says what a column holds, `output` writes a file as a whole or not at all, `metadata` says
beside it what it contains. `csv_file` and `parquet_file` write any view; `datev` and `beancount`
write the bookings of an account.
"""
