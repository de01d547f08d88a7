"""A client library for accessing EverMemOS conversation metadata"""

from .client import AuthenticatedClient, Client

__all__ = (
    "AuthenticatedClient",
    "Client",
)
