"""The parity board: what tools train of the same conversations, held against inference, target by target.

In: models, corpora and the names of peers. Out: a `Board`, with the share of targets that each peer trains as a server
would show them, and what it does otherwise. Speed is not measured here.

```
board_corpora -> [Corpus] -> targets (child: truth, by transformers) -> [Target]
                          -> board (a child for each peer: its rows) -> verdicts -> Board -> page, tables
                                                                                    scripts: a difference, reproduced
```
"""
