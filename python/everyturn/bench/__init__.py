"""Speed and cost of everyturn and its peers, on the same records in the same run.

In: chats and the names of peers. Out: who makes which ids, how fast, in how much memory. Peers are optional imports,
and each runs in its own child process; nothing here is imported by the rest of the package but the command line.
`benchmark` runs it all.

```
corpus, synthetic -> Corpus -> agreement (child: check) -> Agreement
                            -> measure (child: rounds, in turns) -> Result -> tables, plot, the JSON file
                            -> sweep (children: growing input) -> Series
```
"""
