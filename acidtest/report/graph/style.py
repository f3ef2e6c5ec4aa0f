"""How drawings look, in a light and in a dark scheme. A drawing is read on its own, so it carries all of this."""

STYLE = """\
svg { font-family: ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace; }
.paper { fill: #ffffff; } .node { fill: #eef3fb; stroke: #3b5b8c; } .final { fill: #d5e8d4; stroke: #3f7a3d; }
.initial { stroke-width: 3; } .arrow { fill: none; stroke: #7b8794; } .up { stroke: #b4632d; stroke-dasharray: 5 3; }
.head { fill: #7b8794; } .head.up { fill: #b4632d; stroke: none; } text { fill: #1c2733; font-size: 12px; }
text.on { font-size: 11px; fill: #34414f; } text.on.up { fill: #8f4716; stroke: none; }
@media (prefers-color-scheme: dark) {
.paper { fill: #1e2129; } .node { fill: #2b3648; stroke: #8fb0e0; } .final { fill: #2c4430; stroke: #8cc48a; }
.arrow { stroke: #8b96a5; } .up { stroke: #e39a68; } .head { fill: #8b96a5; } .head.up { fill: #e39a68; }
text { fill: #e8ecf2; } text.on { fill: #c3ccd8; } text.on.up { fill: #f0b48c; } }"""
