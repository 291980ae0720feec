"""What goes wrong, explained: `kind` is what is known of one name, `catalogue` has all of them."""
