"""Notes in the log each text for a node that a status line has no room for, whoever says it."""

from __future__ import annotations

import logging

from server import PromptServer

MOST = 60
TOO_LONG = "Status line too long: "


def watch() -> None:
    """From now on, as long as the server runs."""
    server = PromptServer.instance
    send = server.send_progress_text

    def noted(text, node_id, *more):
        if len(text) > MOST or text.endswith("..."):
            logging.error("%s%s", TOO_LONG, text)
        return send(text, node_id, *more)

    server.send_progress_text = noted
