"""The process in which a custom method runs: a sandbox of its own, with torch, the method, and a channel to the host.

The method's code is an agent's. It is given no weights' file, no tokenizer, no prompt and no other caller's work: what
it asks of the organism is asked over the channel, and answered by the host as a technique's of the same ticket is.
"""
