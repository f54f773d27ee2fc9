"""The records room: what a finished run leaves behind, how it is named, and where it is kept."""
