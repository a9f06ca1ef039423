"""The demo site: real text that is installed on this machine, served as a web site to crawl.

Nothing here is invented but the boilerplate around the text. :mod:`gristmill.tasks.demo_site.catalogue` decides which
addresses exist, :mod:`gristmill.tasks.demo_site.server` serves them, and the modules between turn docstrings, source
files, READMEs and licences into HTML when an address is asked for.
"""
