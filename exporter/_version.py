"""The version of the distribution, written in this one place."""

__version__ = "0.1.0"
