"""What goes wrong, explained: `kind` is the explanation of one name, `catalogue` has all of them."""
