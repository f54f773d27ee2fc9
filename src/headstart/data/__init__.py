"""Where rows come from: the hub, files, the embedded corpus; and which of them a run trains on."""
