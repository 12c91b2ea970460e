"""TensorBoard's *Collapse* tab: the plugin that serves it and the command that opens it."""
