"""What goes wrong, explained: `kind` is what is known of one name; `errors`, `warnings` and `lint` have the texts."""
