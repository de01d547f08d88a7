"""The client inside of other people's engines. Each module needs the extra of its name."""
