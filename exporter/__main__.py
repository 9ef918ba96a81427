"""``python -m exporter`` is the command ``onetrading-exporter``."""

from exporter.cli import main

main()
