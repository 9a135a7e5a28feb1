"""What goes over the wire, with its camel-case names: one module per tag.

The only home of the schema library. Each structure maps itself to and from the engine's types.
"""
