"""The page: `python app.py` starts it, here and on a Hugging Face Space; see `stylizer.web.app`."""

import sys

from stylizer.web.app import main

if __name__ == "__main__":
    sys.exit(main())
