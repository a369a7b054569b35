"""What goes over the wire, by subject.  Money is an integer (`*_nanousd`) and, for people, a decimal string."""
