"""Ports of model SDKs and engines of agent frameworks, one file each, each behind the extra of its name. Importing this package imports
none of them.
"""
