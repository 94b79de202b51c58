"""Timeline cases on a virtual clock: what would the engine have done if the caller had spoken like this?"""
