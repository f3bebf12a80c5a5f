"""REST and WebSocket: each handler is a few lines over ``runs``.

A server imports this package as it starts, so nothing here imports what takes long: that comes with the first request.
"""
