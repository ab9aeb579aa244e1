"""Starts the suite (Python 2.7): the folder ``tests/conformance/suite`` made, then the suite's own arguments."""

import site
import sys

folder = sys.argv.pop(1)
# Not PYTHONPATH: one of its packages is spread over folders, which only a site folder's .pth files say.
site.addsitedir(folder + "/build")
site.addsitedir(folder + "/site")

from autobahntestsuite.wstest import run  # noqa: E402

run()
