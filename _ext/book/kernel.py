"""Starts a notebook's kernel without the machine's settings, such as those in ``/etc/ipython``."""

from ipykernel import kernelapp
from IPython.core import application

application.ENV_CONFIG_DIRS.clear()
application.SYSTEM_CONFIG_DIRS.clear()
kernelapp.launch_new_instance()
