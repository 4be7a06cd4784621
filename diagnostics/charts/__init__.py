"""One number over time: what is read, how it is scaled, drawn as characters, written as Markdown and SVG."""
