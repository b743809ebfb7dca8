"""The page, in Gradio. Importing any of it imports Gradio first, under the conditions that the page needs."""

import os

from stylizer.serving.http.local import without_proxies

# Gradio reads these when it is imported: no telemetry, and no version check over the network.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

with without_proxies():  # it prepares clients for all of them, and fails where one is a SOCKS proxy or misspelt
    import gradio  # noqa: F401
