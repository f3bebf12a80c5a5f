"""The MCP server: a program outside investigates with the agent's own tools, in runs like any other.

:mod:`.clients` is also for a person who investigates by hand.
"""
