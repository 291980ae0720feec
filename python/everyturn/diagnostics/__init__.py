"""What goes wrong, explained: `kind` is what is known of one name, a file each has those of errors, warnings and lint."""
