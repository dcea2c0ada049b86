"""Capability: the console, a page for people, served as files of the package.

``routes`` declares the routes, ``settings`` reads what the page needs to know, and ``files`` holds the page in memory.
The page itself is in ``page/``: HTML, CSS and ES modules, which browsers load as they are.
"""
