"""A failure to look at: one HTML file with a space-time diagram that can be stepped through.

To be read in this order: `scene` (what the diagram shows, which `acidtest.report.mermaid` draws as well), `drawing` (how, as SVG),
`folds` (what is left folded), `stepping` (what the script shows of each step), `failure` (the page), `overview` (the index of many).
"""
