"""Renderings of values: failures, results, patterns. Nothing here decides anything."""
