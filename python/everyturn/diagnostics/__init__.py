"""What goes wrong, explained: `kind` is the explanation of one name; `errors`, `warnings` and `lint` have the texts."""
