"""What result types share: their base, the look of charts and HTML, safe text, what part is shown."""
