"""``python -m exporter`` is the command ``onetrading-exporter``."""

from __future__ import annotations

import signal


def main() -> None:
    """Run the command line.

    Ctrl-C ends the process without a word until a command has been imported (`cli` puts Python's
    own handler back then): an import that is interrupted tells a traceback.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from exporter.cli import main as run

    run()


if __name__ == "__main__":
    main()
