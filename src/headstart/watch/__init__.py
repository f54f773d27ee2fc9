"""Watch: a running study, shown in the terminal and on a page of this machine."""
