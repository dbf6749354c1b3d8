"`python -m twossp`: the command `twossp`"

import sys

from .cli.main import main

if __name__ == "__main__":
    sys.exit(main())
