"""Where ``docs/proof.md`` comes from: what runs wrote down, held against what is claimed.

``claims.toml`` says what is claimed and how it is tested; ``target/proof/*.json`` is what the last runs found. ``python -m
proof`` copies the latter to ``docs/proof`` and writes the page from both. Nothing on the page is typed by hand.
"""
