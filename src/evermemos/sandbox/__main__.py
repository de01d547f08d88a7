"""`python -m evermemos.sandbox`: the sandbox as an HTTP server. Takes the arguments of `evermemos sandbox`."""

import sys

from .._cli import main

if __name__ == "__main__":
    sys.exit(main(["sandbox", *sys.argv[1:]]))
