"""How large what a kernel sends may be, by what it is; sizes in bytes as they come."""

from __future__ import annotations

HEADER = 64 * 1024
METADATA = 64 * 1024
OTHER_CONTENT = 1024 * 1024
"""Of a message that shows nothing, and of an error."""
DISPLAY = 12 * 1024 * 1024
"""Of an output. Of a stream's text that is longer, beginning and end are read."""
STREAM_KEPT = 1024 * 1024
MESSAGE = 128 * 1024 * 1024
"""What is larger ends the connection to the kernel before it fills the memory."""
WAITING = 4
"""Messages that wait for being read."""

HTML = 1024 * 1024
MARKDOWN = 256 * 1024
LATEX = 64 * 1024
PLAIN = 1024 * 1024
IMAGE = 8 * 1024 * 1024
IMAGE_PIXELS = 40_000_000
JSON = 1024 * 1024
JSON_NODES = 50_000
SVG = 2 * 1024 * 1024
CHART_SPEC = 2 * 1024 * 1024
"""Of a chart that is drawn here, as the kernel made it."""
