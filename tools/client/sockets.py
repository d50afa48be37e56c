"""The websocket of a client: websocket-client's where it is installed, else one that is always silent."""

try:
    import websocket

    EVENTS = callable(websocket.create_connection)  # whether a server's events are heard
except (ImportError, AttributeError):  # not there, or another package of that name
    from tools.client import silent_socket as websocket

    EVENTS = False

__all__ = ["EVENTS", "websocket"]
