# Derived from _async/__init__.py by `make generate`. Edit that file instead.
