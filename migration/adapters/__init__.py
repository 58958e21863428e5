"""Ports of model SDKs and engines of agent frameworks, one file each, each with an extra of the same name. Importing this package imports
none of them.
"""
