"""`python -m stylizer`."""

import sys

from stylizer.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
