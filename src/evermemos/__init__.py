"""Python client for the EverMemOS conversation-metadata API."""

__version__ = "0.1.0"
